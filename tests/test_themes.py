"""Themes of everyday talk, from which conversations are drawn."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

DATA = Path(__file__).parent.parent / "data"
WHOLE = """
== the cat sleeps
{x} = cat | owl
> My {x} sleeps all day.
> why does my {x} sleep
< {x:a} saves its energy.
? {x:s} like warm places. Where does it lie?
> On the sofa.
< A sofa suits {x:a}.
--
> Is that healthy?
< Yes, your {x} is fine.
"""


@pytest.fixture
def generators(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    monkeypatch.syspath_prepend(DATA)
    from generators import chat, mixtures, themes

    yield SimpleNamespace(chat=chat, mixtures=mixtures, themes=themes)


def test_a_theme_is_read_with_its_parts(generators: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "cat.txt"
    path.write_text(WHOLE)
    (theme,) = generators.themes.parse(path)
    assert theme.name == "the cat sleeps" and theme.slots == {"x": ("cat", "owl")}
    assert theme.opening.asks == ["My {x} sleeps all day.", "why does my {x} sleep"]
    assert theme.questions == ["{x:s} like warm places. Where does it lie?"]
    assert [group.replies for group in theme.groups()] == [
        ["{x:a} saves its energy."], ["A sofa suits {x:a}."], ["Yes, your {x} is fine."],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        ("> Is that healthy?\n", "", "messages without answers, or answers without messages"),
        ("> On the sofa.", "> On the {y}.", "slot 'y', which has no values"),
        ("> On the sofa.", "> On the {sofa.", "a brace that is no slot"),
        ("> On the sofa.", "On the sofa.", "line 8: expected"),
        ("> On the sofa.", "> On the so\u00ecfa.", "line 8: only plain ASCII"),
        ("== the cat sleeps\n", "", "line 2: the first theme must begin"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    generators: SimpleNamespace, tmp_path: Path, line: str, instead: str, told: str
) -> None:
    path = tmp_path / "cat.txt"
    path.write_text(WHOLE.replace(line, instead), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        generators.themes.parse(path)
    assert str(path) in str(caught.value)


def test_all_themes_can_be_drawn_with_every_value(generators: SimpleNamespace) -> None:
    themes = generators.themes.all_themes()
    assert len(themes) > 400 and len({theme.name for theme in themes}) > 400
    for theme in themes:
        for group in theme.groups():
            for text in group.asks + group.replies + theme.questions:
                for name, values in theme.slots.items():
                    for value in values:
                        slots = {key: generators.chat.Word(theme.slots[key][0]) for key in theme.slots}
                        assert text.format_map(slots | {name: generators.chat.Word(value)})


def test_answers_say_something_and_questions_ask(generators: SimpleNamespace) -> None:
    for theme in generators.themes.all_themes():
        assert len(theme.opening.asks) >= 8 and len(theme.follow_ups) >= 3, theme.name
        assert all(question.endswith("?") for question in theme.questions), theme.name
        assert not any(reply.endswith("?") for group in theme.groups() for reply in group.replies), theme.name


def test_an_everyday_chat_keeps_to_its_length_and_format(generators: SimpleNamespace) -> None:
    rng = random.Random(4)
    for _ in range(300):
        chat = generators.chat.Chat(rng)
        generators.mixtures.everyday(chat)
        lines = chat.text().splitlines()
        assert 1 <= len(lines) // 2 <= chat.length + 1
        assert all(re.fullmatch(r"(User|Assistant): \S[ -~]*", line) for line in lines)
