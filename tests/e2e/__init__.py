"""Whole commands, in a process of their own where the process matters, else in this one."""

from __future__ import annotations

import pytest

from picochat.cli import main


def inside(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run a command in this process: its exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    out, err = capfd.readouterr()
    return int(ended.value.code or 0), out, err
