from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.evaluation import copying
from picochat.evaluation.copying import NGRAM, Words, measure_copying, texts_to_compare
from picochat.text.chat_format import Message
from picochat.text.corpus import Conversation, Text

BOOK = "it was the best of times it was the worst of times it was the age of wisdom"


def test_a_copy_and_a_text_of_its_own() -> None:
    training = Words(["Call me Ishmael.", BOOK])
    copy = measure_copying(["They say it was the best of times it was the worst day"], training)
    assert (copy.ngrams, copy.copied) == (13 - NGRAM + 1, 3)
    assert copy.longest == "it was the best of times it was the worst"[: len(copy.longest)]
    assert copy.to_dict()["longest_words"] == 10
    own = measure_copying(["all of this is new and nobody has said it before the two of us"], training)
    assert own.share == 0
    assert own.longest in ("of", "it", "the")


def test_a_run_over_the_end_of_a_message_is_no_copy() -> None:
    halves = [BOOK[:36], BOOK[37:]]
    assert measure_copying([BOOK], Words([BOOK])).share == 1.0
    assert measure_copying([BOOK], Words(halves)).copied < measure_copying([BOOK], Words([BOOK])).copied
    assert (
        measure_copying(
            ["one two three four", "five six seven eight"], Words(["one two three four five six seven eight"])
        ).ngrams
        == 0
    )


def grams(texts: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for words in map(str.split, texts) for i in range(len(words) - n + 1)]


several = st.lists(st.text("ab ", max_size=60), max_size=8)


@given(several, several, st.booleans())
@pytest.mark.parametrize("chunk", [5, 1 << 20])
def test_figures_are_those_of_sets_of_words(chunk: int, texts: list[str], training: list[str], copies: bool) -> None:
    texts = texts + training[:1] * copies
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "_CHUNK", chunk)
        found = measure_copying(texts, Words(training))
    known = set(grams(training, NGRAM))
    assert found.ngrams == len(grams(texts, NGRAM))
    assert found.copied == sum(gram in known for gram in grams(texts, NGRAM))
    common = [n for n in range(1, 61) if set(grams(texts, n)) & set(grams(training, n))]
    longest = tuple(found.longest.split())
    assert len(longest) == max(common, default=0)
    assert not longest or longest in set(grams(texts, len(longest))) & set(grams(training, len(longest)))


def test_what_is_compared() -> None:
    talk = Conversation((Message("system", "s"), Message("user", "u"), Message("assistant", "a")))
    assert list(texts_to_compare([talk, Text("t")])) == ["s", "u", "a", "t"]
    assert list(texts_to_compare([talk, Text("t")], answers_only=True)) == ["a", "t"]
