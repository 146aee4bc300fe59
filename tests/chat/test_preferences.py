from __future__ import annotations

from pathlib import Path

import pytest

from picochat.chat.preferences import read_preferences, save_preference, write_preferences
from picochat.chat.settings import PRESETS, ChatSettings
from picochat.errors import OutputError


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.yaml"
    settings = ChatSettings(temperature=0.25, seed=7, stop=("END",), system="Be [kind]: yes")
    write_preferences(path, settings)
    values, problem = read_preferences(path)
    assert problem is None
    assert ChatSettings.parse(values) == settings
    assert "top_k" not in values


def test_no_file_and_an_empty_file_are_the_defaults(tmp_path: Path) -> None:
    assert read_preferences(tmp_path / "none.yaml") == ({}, None)
    write_preferences(tmp_path / "c.yaml", ChatSettings())
    assert read_preferences(tmp_path / "c.yaml") == ({}, None)


@pytest.mark.parametrize(
    ("content", "line", "kept"),
    [
        ("temperature: 0.5\ntop_k: [", "line 2", {}),
        ("temperature: 0.5\ntemprature: 1\ntop_k: 3", "line 2", {"temperature": 0.5}),
        ("temperature: 0.5\ntop_k: 3\nseed: soon", "line 3", {"temperature": 0.5, "top_k": 3}),
        ("just words", "must hold lines", {}),
        ("system: 2024-02-30", "can't be read (ValueError)", {}),
    ],
)
def test_a_broken_file_is_told_by_line_and_does_no_harm(
    tmp_path: Path, content: str, line: str, kept: dict[str, object]
) -> None:
    (tmp_path / "c.yaml").write_text(content, encoding="utf-8")
    values, problem = read_preferences(tmp_path / "c.yaml")
    assert problem is not None
    assert line in problem
    assert values == kept


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_preferences(tmp_path / "file" / "config.yaml", ChatSettings(seed=1))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_settings(name: str) -> None:
    assert ChatSettings().changed(**PRESETS[name]).temperature == PRESETS[name]["temperature"]


def test_one_setting_is_saved_alone_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("# mine\ntemperature: 0.5  # low\ntheme: light\nseed: 3\n", encoding="utf-8")
    save_preference(path, ChatSettings(theme="nord", top_k=7, keys={"probs": "ctrl+t"}), "theme")
    assert path.read_text() == "# mine\ntemperature: 0.5  # low\ntheme: nord\nseed: 3\n"
    save_preference(path, ChatSettings(keys={"probs": "ctrl+t"}), "keys")
    write_preferences(path, ChatSettings(temperature=0.5, theme="nord", keys={"probs": "ctrl+t"}))
    assert path.read_text().startswith("# mine\n")
    assert read_preferences(path) == ({"temperature": 0.5, "theme": "nord", "keys": {"probs": "ctrl+t"}}, None)


def test_a_value_over_several_lines_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("keys:\n  probs: ctrl+t\n  reset: f5\nseed: 3\n", encoding="utf-8")
    save_preference(path, ChatSettings(keys={"probs": "f6"}), "keys")
    assert read_preferences(path) == ({"keys": {"probs": "f6"}, "seed": 3}, None)


def test_a_broken_file_is_kept_beside_the_one_that_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("temperature: [", encoding="utf-8")
    save_preference(path, ChatSettings(theme="light"), "theme")
    assert read_preferences(path) == ({"theme": "light"}, None)
    assert (tmp_path / "c.yaml.broken").read_text() == "temperature: ["
