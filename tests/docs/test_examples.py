"""The examples of the documentation run, one after another as on the page, with the model that comes with picochat."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import chat_text
from tests.docs.pages import PAGES, blocks

WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a text of the reader's own."""
    monkeypatch.chdir(tmp_path)
    Path("my.txt").write_text(chat_text(), encoding="utf-8")


def run_page(page: str) -> dict[str, Any]:
    """Run a page's examples, and return the names that they made; a traceback has the page's own line numbers."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.language == "python":
            exec(compile("\n" * (block.line - 1) + block.text, page, "exec"), names)
    return names


def test_the_pages_that_have_examples() -> None:
    assert {"README.md", "docs/python.md", "docs/api.md"} <= set(WITH_PYTHON)


@pytest.mark.parametrize("page", [page for page in WITH_PYTHON if page != "docs/api.md"])
def test_examples_run(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    run_page(page)
    printed = capsys.readouterr().out
    assert len(printed.split()) > 3
    if page == "docs/python.md":
        assert "There is no setting 'temprature'; did you mean 'temperature'?" in printed
        assert Path("runs/mine/best.pt").is_file()


def test_examples_of_the_server_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    openai = pytest.importorskip("openai")
    pytest.importorskip("fastapi")
    from starlette.testclient import TestClient

    from picochat.inference.engine import load_engine
    from picochat.locations import default_model
    from picochat.web.app import make_app
    from picochat.web.service import Service

    service = Service(load_engine(default_model()))
    client = openai.OpenAI
    # the client's own code and the server's, without a network between them
    monkeypatch.setattr(openai, "OpenAI", lambda **options: client(**options, http_client=TestClient(make_app(service))))
    try:
        names = run_page("docs/api.md")
        assert capsys.readouterr().out.strip()
        asyncio.run(names["answer"]("Hello"))
        assert capsys.readouterr().out.strip()
    finally:
        service.close()
        names["service"].close()
