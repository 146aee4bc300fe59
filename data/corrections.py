"""Prints conversations in which the model was wrong, and what it should have said.

    python data/corrections.py > corrections.jsonl

`judged.jsonl` beside it has a conversation a line: what a stranger wrote, three answers of the model of which the first was
gone on from, a mark for each (+ sensible, - not), and a better answer where none was. From it come

- each conversation as it went, in which the answers that were called sensible are learnt;
- for each answer that was not, the conversation up to there with one that was, or with the better one; only that is learnt.
  So the model learns to come back from its own mistakes (DAgger, arXiv 1011.0686).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]
JUDGED = Path(__file__).parent / "judged.jsonl"


def said(role: str, content: str, *, learnt: bool = True) -> Record:
    """A message as `picochat prepare` reads it."""
    return {"role": role, "content": content, **({} if learnt else {"weight": 0})}


def records(turns: list[Record]) -> Iterator[Record]:
    """What there is to learn from one conversation."""
    went: list[Record] = []
    for turn in turns:
        sensible = [answer for answer, mark in zip(turn["answers"], turn["marks"], strict=True) if mark == "+"]
        right = turn["marks"][0] == "+"
        if not right:
            before = [said(message["role"], message["content"], learnt=message["role"] == "user") for message in went]
            better = sensible[0] if sensible else turn["better"]
            yield {"messages": [*before, said("user", turn["user"]), said("assistant", better)]}
        went += [said("user", turn["user"]), said("assistant", turn["answers"][0], learnt=right)]
    if any(turn["marks"][0] == "+" for turn in turns):
        yield {"messages": went}


def main() -> None:
    """Print all of them."""
    for line in JUDGED.read_text(encoding="utf-8").splitlines():
        for record in records(json.loads(line)["turns"]):
            sys.stdout.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
