"""Write the conversations that the recipe holds out.

    python models/recipe/held_out.py SOURCES OUT

One JSON Lines file for each source goes to OUT, for `picochat eval --data OUT`. What is held out is told by a document's own
hash, as in `picochat prepare --val-fraction 0.01`. Copies are left out, and so are conversations of which something nearly
the same is learnt from, in whatever source.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from picochat.text.corpus import Conversation, Document, read_documents
from picochat.text.encoding import fingerprint

SHARE = 0.01
NEAR = 0.8
"""Jaccard similarity of two conversations' runs of three words from which on they count as nearly the same."""
OWN = Path(__file__).resolve().parents[2] / "data" / "conv.txt"
_WORD = re.compile(r"\w+(?:'\w+)?")


def sources(folder: Path) -> list[Path]:
    """The dialogues, and the project's own."""
    return [*sorted(folder.glob("*.jsonl.xz")), OWN]


def shingles(document: Conversation) -> frozenset[int]:
    """Hashes of the runs of three words in its messages."""
    said = [_WORD.findall(message.content.lower()) for message in document.messages]
    return frozenset(hash(run) for words in said for run in zip(words, words[1:], words[2:], strict=False))


def held_out(paths: list[Path]) -> dict[Path, list[Conversation]]:
    """The conversations held out, by source."""
    limit = int(SHARE * 2**64)
    kept: dict[int, tuple[Path, Conversation, frozenset[int]]] = {}
    for path, document in _conversations(paths):
        print_ = fingerprint(document)
        if print_ < limit:
            kept.setdefault(print_, (path, document, shingles(document)))
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for print_, (_, _, runs) in kept.items():
        for run in runs:
            holders[run].append(print_)
    near: set[int] = set()
    for _, document in _conversations(paths):
        if fingerprint(document) < limit:
            continue
        runs = shingles(document)
        common = Counter(print_ for run in runs for print_ in holders.get(run, ()))
        near |= {print_ for print_, count in common.items() if count > NEAR * (len(runs) + len(kept[print_][2]) - count)}
    found: dict[Path, list[Conversation]] = {path: [] for path in paths}
    for print_, (path, document, _) in kept.items():
        if print_ not in near:
            found[path].append(document)
    return found


def _conversations(paths: list[Path]) -> Iterator[tuple[Path, Conversation]]:
    for path in paths:
        documents: Iterator[Document] = read_documents(path)
        yield from ((path, document) for document in documents if isinstance(document, Conversation))


def main() -> None:
    """Write the files, and say on stderr how many conversations each has."""
    folder, out = map(Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    for path, documents in held_out(sources(folder)).items():
        name = path.name.removesuffix(".xz").removesuffix(".jsonl").removesuffix(".txt")
        lines = [
            json.dumps({"messages": [{"role": m.role, "content": m.content} for m in document.messages]}, ensure_ascii=False)
            for document in documents
        ]
        if lines:
            (out / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{name}: {len(lines)}", file=sys.stderr)


if __name__ == "__main__":
    main()
