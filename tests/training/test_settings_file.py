from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picochat.errors import ConfigError
from picochat.training.settings_file import SettingsFile


def read(path: Path, content: str | bytes) -> SettingsFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return SettingsFile.read(path)


def test_plain_values_are_texts_and_know_their_lines(tmp_path: Path) -> None:
    file = read(tmp_path / "a.yaml", "# a comment\nsteps: 100\ncompile: on\n\nlog: [wandb]\nlr:\ntied: null\nnote: '~'\n")
    assert file.values == {"steps": "100", "compile": "on", "log": ["wandb"], "lr": None, "tied": None, "note": "~"}
    assert file.lines == {"steps": 2, "compile": 3, "log": 5, "lr": 6, "tied": 7, "note": 8}
    assert file.place("log") == f"{file.path}, line 5: "
    assert file.place("nowhere") == f"{file.path}: "


@pytest.mark.parametrize("content", ["", "# nothing\n", "\n\n"])
def test_an_empty_file_has_no_settings(tmp_path: Path, content: str) -> None:
    assert read(tmp_path / "a.yaml", content).values == {}


def test_a_byte_order_mark_is_none_of_the_text(tmp_path: Path) -> None:
    assert read(tmp_path / "a.yaml", b"\xef\xbb\xbfsteps: 3\n").values == {"steps": "3"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("- steps\n", "must hold lines like 'steps: 200'"),
        ("steps\n", "must hold lines like 'steps: 200'"),
        ("steps: &a [*a]\n", ", line 1: this is no YAML"),
        ("steps: 3\nlr: [\n", ", line 3: this is no YAML"),
        ("steps: 3\n\tlr: 1\n", ", line 2: this is no YAML"),
        ("steps: 3\n---\nsteps: 4\n", ", line 2: this is no YAML"),
        ("steps: *nowhere\n", ", line 1: this is no YAML"),
        ("steps: !!python/object:os.system {}\n", ", line 1: this is no YAML"),
        ("steps: !!int many\n", "this is no YAML"),
        ("steps: \x00\n", "this is no YAML"),
        ("lr: 1\nsteps: 3\nlr: 2\n", ", line 3: lr stands in line 1 already"),
        ("a: " + "[" * 5000, "nested too deeply"),
        (b"steps: \xff\n", "is not UTF-8"),
    ],
)
def test_what_can_not_be_read_is_told_with_file_and_line(tmp_path: Path, content: str | bytes, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path / "a.yaml", content)
    assert str(error.value).startswith(str(tmp_path / "a.yaml"))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no settings file"):
        SettingsFile.read(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="can't be read"):
        SettingsFile.read(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.text(alphabet="steps:-[]{}&*!'\"#|>?%@,~ \n\t0")))
def test_no_file_crashes_the_reader(tmp_path: Path, content: str | bytes) -> None:
    try:
        file = read(tmp_path / "a.yaml", content)
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        assert set(file.values) == set(file.lines)
