from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from picochat.datatools import dialogue
from picochat.datatools.settling import Tally
from picochat.datatools.speakers import choose_assistant
from picochat.errors import ConfigError, DataError


def read(path: Path, text: str) -> list[list[tuple[str, str]]]:
    path.write_text(text, encoding="utf-8")
    return list(dialogue.read(path, dialogue.survey(path), Tally()))


def test_blank_lines_end_conversations(tmp_path: Path) -> None:
    text = "Anna: Hi\nBen: Hello\nhow are you?\n\n\nAnna: Bye\nBen: Bye\n"
    expected = [[("Anna", "Hi"), ("Ben", "Hello\nhow are you?")], [("Anna", "Bye"), ("Ben", "Bye")]]
    assert read(tmp_path / "a.txt", text) == expected


def test_blank_lines_between_turns_end_nothing(tmp_path: Path) -> None:
    text = "Dr. O'Neil: Hi\n\nFirst Citizen: Hello\n\nand more\n\nDr. O'Neil:\nBye"
    expected = [[("Dr. O'Neil", "Hi\n"), ("First Citizen", "Hello\n\nand more\n"), ("Dr. O'Neil", "\nBye")]]
    assert read(tmp_path / "a.txt", text) == expected


def test_a_rare_name_is_none(tmp_path: Path) -> None:
    text = "Anna: Hi\nBen: Hello\n" * 10 + "Note: bring milk, at 10:30\nAnna: Yes\n"
    assert read(tmp_path / "a.txt", text)[0][-2:] == [("Ben", "Hello\nNote: bring milk, at 10:30"), ("Anna", "Yes")]


@pytest.mark.parametrize("text", ["Just a text.\n", "Anna: Hi\nAnna: Ho\n", "See http://a.b: c\n", "1: one\n2: two\n"])
def test_no_dialogue(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="no dialogue of two speakers"):
        read(tmp_path / "a.txt", text)


def test_whose_side_is_learnt_must_be_said() -> None:
    counts = Counter({"Anna": 3, "Ben": 1})
    assert choose_assistant(counts, " ben", "a.txt") == "Ben"
    with pytest.raises(ConfigError, match=r"Anna \(3 messages\) and Ben \(1 message\); say with --me NAME"):
        choose_assistant(counts, None, "a.txt")
    with pytest.raises(ConfigError, match=r"Nobody in a.txt is called 'Cleo'; the speakers are Anna"):
        choose_assistant(counts, "Cleo", "a.txt")
    many = Counter({f"P{number}": number for number in range(1, 31)})
    with pytest.raises(ConfigError, match="and 22 more"):
        choose_assistant(many, None, "a.txt")


def test_a_name_can_say_it_itself() -> None:
    assert choose_assistant(Counter({"User": 3, "ChatGPT": 3}), None, "a.txt") == "ChatGPT"
    assert choose_assistant(Counter({"User": 3, "Bot": 3}), "user", "a.txt") == "User"
    with pytest.raises(ConfigError):
        choose_assistant(Counter({"AI": 3, "Bot": 3}), None, "a.txt")
