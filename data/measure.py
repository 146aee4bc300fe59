"""Measure the training text: how much there is of it, how much it varies, and how long it is.

Prints a table in Markdown, with a column for the written conversations, one for the generated ones and one for all. The
same text always gives the same figures. Near-duplicates are found with MinHash (Broder, 1997) in bands, and then compared
exactly.
"""

import argparse
import re
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from generators.written import parse, read_conversations

HERE = Path(__file__).resolve().parent
NEAR = 0.8
"""Jaccard similarity of two conversations' shingles from which they count as near-duplicates."""
SHINGLE = 3
"""Words in a row that make a shingle."""
BANDS, ROWS = 20, 6
"""Of MinHash: two conversations with a similarity of 0.8 meet in at least one band with a chance of 0.998."""
ANSWER_WORDS = (5, 10, 15, 20, 30, 50)
"""Upper ends of the bars for the words of an answer."""
_PRIME = 2**31 - 1
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

Words = list[str]


def figures(texts: Sequence[str]) -> dict[str, str]:
    """What is measured of conversations, by name; each text is one of them, as it stands in the file."""
    lines = [[line.split(": ", 1) for line in text.splitlines()] for text in texts]
    talks = [[words_of(text) for _, text in talk] for talk in lines]
    said = [words for talk in talks for words in talk]
    answers = [text for talk in lines for role, text in talk if role == "Assistant"]
    rows = {
        "conversations": f"{len(texts):,}",
        "bytes": f"{sum(map(len, texts)) + 2 * len(texts) - 1:,}",
        "messages": f"{len(said):,}",
        "words": f"{sum(map(len, said)):,}",
    }
    for n in range(1, 5):
        ngrams = [ngram for words in said for ngram in ngrams_of(words, n)]
        name = f"distinct {n}-grams" if n > 1 else "distinct words"
        rows[name] = _part(len(set(ngrams)), ngrams)
    near = near_duplicates([{hash_of(ngram) for words in talk for ngram in ngrams_of(words, SHINGLE)} for talk in talks])
    rows["conversations with a near-duplicate"] = _part(len(near), texts)
    rows["answers that were given before, word for word"] = _part(len(answers) - len(set(answers)), answers)
    turns = Counter(len(talk) // 2 for talk in talks)
    for turn in range(1, max(turns) + 1):
        rows[f"conversations of {turn} exchange{'s' * (turn > 1)}"] = _part(turns[turn], texts)
    lengths = [len(words_of(answer)) for answer in answers]
    for low, high in zip((0, *ANSWER_WORDS), (*ANSWER_WORDS, max(lengths)), strict=True):
        name = f"answers of {low + 1} to {high} words" if high in ANSWER_WORDS else f"answers of over {low} words"
        rows[name] = _part(sum(low < length <= high for length in lengths), lengths)
    return rows


def words_of(text: str) -> Words:
    """A text's words in small letters."""
    return _WORD.findall(text.lower())


def ngrams_of(words: Words, n: int) -> Iterable[tuple[str, ...]]:
    """All n words in a row."""
    return zip(*(words[start:] for start in range(n)), strict=False)


def hash_of(ngram: tuple[str, ...]) -> int:
    """A number for an n-gram, the same in every process."""
    return zlib.crc32(" ".join(ngram).encode()) % _PRIME


def near_duplicates(shingles: Sequence[set[int]]) -> set[int]:
    """Places of the sets that have a near-duplicate among the others; sets of no shingle have none."""
    places = [place for place, numbers in enumerate(shingles) if numbers]
    if not places:
        return set()
    signatures = _signatures([shingles[place] for place in places])
    found: set[int] = set()
    for band in range(BANDS):
        buckets: defaultdict[bytes, list[int]] = defaultdict(list)
        for place, signature in zip(places, signatures[:, band * ROWS : (band + 1) * ROWS], strict=True):
            buckets[signature.tobytes()].append(place)
        for bucket in buckets.values():
            for one, other in combinations(bucket, 2):
                if not (one in found and other in found) and _jaccard(shingles[one], shingles[other]) > NEAR:
                    found |= {one, other}
    return found


def _signatures(shingles: Sequence[set[int]]) -> npt.NDArray[np.int64]:
    """The least hash of each set under each of BANDS x ROWS random maps: (sets, BANDS * ROWS)."""
    numbers = np.concatenate([np.fromiter(sorted(one), np.int64) for one in shingles])
    starts = np.cumsum([0, *map(len, shingles[:-1])])
    rng = np.random.default_rng(0)
    factors, terms = rng.integers(1, _PRIME, (2, BANDS * ROWS))
    columns = [
        np.minimum.reduceat((factor * numbers + term) % _PRIME, starts) for factor, term in zip(factors, terms, strict=True)
    ]
    return np.stack(columns, axis=1)


def _jaccard(one: set[int], other: set[int]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def _part(count: int, of: Sequence[object]) -> str:
    return f"{count:,} ({count / len(of):.1%})" if of else f"{count:,}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Measure how much the conversations of the training text vary.")
    parser.add_argument("--file", type=Path, default=HERE / "conv.txt", help="what to measure (default: data/conv.txt)")
    options = parser.parse_args(arguments)
    try:
        written = set(read_conversations())
        texts = parse(options.file)
    except (OSError, ValueError) as error:
        sys.exit(f"measure: {error}")
    parts = {
        "written": [text for text in texts if text in written],
        "generated": [text for text in texts if text not in written],
        "all": texts,
    }
    columns = {name: figures(part) for name, part in parts.items() if part}
    if not texts:
        sys.exit(f"measure: {options.file} holds no conversation.")
    print("| | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name in columns["all"]:
        print(f"| {name} | " + " | ".join(rows.get(name, "-") for rows in columns.values()) + " |")


if __name__ == "__main__":
    main()
