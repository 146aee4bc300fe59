"""What is taken for a model's name on the hub."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest

from picochat.interop import source


@pytest.mark.parametrize("name", ["org/name", Path("org/name"), PureWindowsPath("org/name")])
def test_a_name_is_asked_for_as_the_hub_writes_it(name: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[str] = []
    monkeypatch.setattr(source, "download", lambda name: asked.append(name) or tmp_path)
    assert source.locate(name) == tmp_path
    assert asked == ["org/name"]
