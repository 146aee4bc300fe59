"""Build the training text, data/conv.txt.

Joins the hand-written conversations in data/conversations with generated ones, shuffles them and writes data/conv.txt. The
same options and files always give the same bytes.
"""

import argparse
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from generators import FAMILIES
from generators.chat import Chat
from generators.written import read_conversations

HERE = Path(__file__).resolve().parent
MAX_DRAWS = 2000
"""Draws in a row that may bring nothing new before a family counts as used up."""


def generate(count: int, seed: int, known: set[str]) -> dict[str, list[str]]:
    """`count` different conversations, by family; none of them is in `known`, which grows by them.

    Raises:
        ValueError: a family has too few different conversations.
    """
    generated: dict[str, list[str]] = {}
    for family, number in quotas(count).items():
        # Each family draws from its own numbers, so that a change in one leaves the others as they were.
        rng = random.Random(f"{seed} {family}")
        made: list[str] = []
        draws = 0
        while len(made) < number:
            chat = Chat(rng)
            FAMILIES[family].compose(chat)
            text = chat.text()
            draws += 1
            if text not in known:
                known.add(text)
                made.append(text)
                draws = 0
            elif draws > MAX_DRAWS:
                raise ValueError(f"The family {family!r} has only about {len(made)} different conversations; lower --count.")
        generated[family] = made
    return generated


def quotas(count: int) -> dict[str, int]:
    """How many conversations each family gets; together `count`."""
    total = sum(family.share for family in FAMILIES.values())
    exact = {name: count * family.share / total for name, family in FAMILIES.items()}
    numbers = {name: int(share) for name, share in exact.items()}
    by_rest = sorted(FAMILIES, key=lambda name: (numbers[name] - exact[name], name))
    for name in by_rest[: count - sum(numbers.values())]:
        numbers[name] += 1
    return numbers


def write(path: Path, text: str) -> None:
    """Writes the file in one step: whoever reads it meanwhile sees the old text or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="ascii", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Write the training text from hand-written and generated conversations.")
    parser.add_argument("--count", type=int, default=21000, help="generated conversations (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for what is drawn and for the order (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=HERE / "conv.txt", help="file to write (default: data/conv.txt)")
    options = parser.parse_args(arguments)
    if options.count < 0:
        parser.error("--count must not be negative")
    try:
        written = list(dict.fromkeys(read_conversations()))
        generated = generate(options.count, options.seed, set(written))
    except (OSError, ValueError) as error:
        sys.exit(f"make_conv: {error}")
    conversations = written + [text for texts in generated.values() for text in texts]
    random.Random(f"{options.seed} order").shuffle(conversations)
    text = "\n\n".join(conversations) + "\n"
    try:
        write(options.out, text)
    except OSError as error:
        sys.exit(f"make_conv: {options.out} can't be written: {error.strerror}")
    print(f"{options.out}: {len(conversations)} conversations, {len(text)} bytes", file=sys.stderr)
    for name, number in [("hand-written", len(written)), *((name, len(texts)) for name, texts in generated.items())]:
        print(f"  {name:12} {number:6}", file=sys.stderr)


if __name__ == "__main__":
    main()
