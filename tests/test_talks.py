"""Whole talks in several wordings, from which conversations are drawn."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

DATA = Path(__file__).parent.parent / "data"
WHOLE = """
== planted vegetables
{plant} = beans | carrots
> hi | Hello, I'm {name}.
< Hello! | Good to see you.
> I planted {plant} today. | planted {plant}
< {plant:c} need water. | Give the {plant} some water.
"""


@pytest.fixture
def generators(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    monkeypatch.syspath_prepend(DATA)
    from generators import chat, talks

    yield SimpleNamespace(chat=chat, talks=talks)


def test_a_talk_is_read_with_its_wordings(generators: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "plants.txt"
    path.write_text(WHOLE)
    (talk,) = generators.talks.parse(path)
    assert talk.name == "planted vegetables" and talk.slots == {"plant": ("beans", "carrots")}
    assert talk.messages[0] == ("hi", "Hello, I'm {name}.") and len(talk.messages) == 4


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        ("> hi |", "< hi |", "line 4: expected '== ', '{x} = ' or '>'"),
        ("< {plant:c} need water. | Give the {plant} some water.\n", "", "it must end with an answer"),
        ("> hi | Hello", "> hi | | Hello", "nothing stands between two bars"),
        ("planted {plant}\n", "planted {tree}\n", "slot 'tree', which has no values"),
        ("planted {plant}\n", "planted {plant\n", "a brace that is no slot"),
        ("> hi", "> h\u00ed", "line 4: only plain ASCII"),
        ("== planted vegetables\n", "", "line 2: the first talk must begin"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    generators: SimpleNamespace, tmp_path: Path, line: str, instead: str, told: str
) -> None:
    path = tmp_path / "plants.txt"
    path.write_text(WHOLE.replace(line, instead), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        generators.talks.parse(path)
    assert str(path) in str(caught.value)


def test_a_talk_keeps_its_words_to_the_end(
    generators: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plants.txt").write_text(WHOLE)
    monkeypatch.setattr(generators.talks, "FOLDER", tmp_path)
    generators.talks.all_talks.cache_clear()
    rng = random.Random(3)
    seen = set()
    for _ in range(60):
        chat = generators.chat.Chat(rng)
        generators.talks.compose(chat)
        text = chat.text().lower()
        assert ("beans" in text) != ("carrots" in text) or len(chat.messages) == 2
        seen.add(len(chat.messages))
    generators.talks.all_talks.cache_clear()
    assert seen == {2, 4}


def test_every_talk_can_be_drawn(generators: SimpleNamespace) -> None:
    talks = generators.talks.all_talks()
    assert len(talks) > 400 and len({talk.name for talk in talks}) > 0.9 * len(talks)
    for talk in talks:
        values = {name: generators.chat.Word("Mara") for name in generators.talks.READY}
        values |= {name: generators.chat.Word(words[-1]) for name, words in talk.slots.items()}
        for wordings in talk.messages:
            assert len(wordings) > 1, talk.name
            assert all(re.fullmatch(r"[ -~]+", wording.format_map(values)) for wording in wordings)


def test_some_that_begin_at_once_begin_with_a_greeting(generators: SimpleNamespace) -> None:
    rng = random.Random(2)
    first, back = 0, 0
    for _ in range(400):
        chat = generators.chat.Chat(rng)
        chat.exchange(["My cat sleeps."], ["Cats sleep a lot."])
        chat.exchange(["She is old."], ["Old cats sleep most."])
        said, answer, *others = chat.messages
        assert said.lower().rstrip(".").endswith("cat sleeps") and answer.endswith("Cats sleep a lot.")
        assert not any(generators.chat.GREETS.match(text) for text in others)
        first += bool(generators.chat.GREETS.match(said))
        back += answer != "Cats sleep a lot."
    assert 20 < first < 80 and 0 < back < first
