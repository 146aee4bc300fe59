"""What the documentation tells to type is what picochat knows."""

from __future__ import annotations

import re

import pytest

from picochat.chat.actions import COMMANDS
from tests.docs.commands import all_options, check, check_names, commands_in
from tests.docs.pages import PAGES, blocks, blocks_of, spans

TORCHRUN = {"--max-restarts", "--rdzv-id", "--shutdown-timeout", "--standalone", "--nproc-per-node"}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_blocks_can_be_read(page: str) -> None:
    for block in blocks(page):
        if block.language in ("", "console", "bash", "sh"):
            for arguments in commands_in(block.text):
                try:
                    check(arguments)
                except Exception as error:
                    pytest.fail(f"{page}, from line {block.line}: picochat {' '.join(arguments)}: {error}")


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_prose_exist(page: str) -> None:
    for span in spans(page):
        for arguments in commands_in(span.replace("|", "\\|")):
            check_names(arguments)


@pytest.mark.parametrize("page", PAGES)
def test_options_by_themselves_are_some_command_s(page: str) -> None:
    named = {re.split(r"[ =|]", span)[0] for span in spans(page) if span.startswith("--")}
    assert named <= all_options() | TORCHRUN


@pytest.mark.parametrize("page", PAGES)
def test_slash_commands_are_there(page: str) -> None:
    for span in spans(page):
        if found := re.match(r"/([a-z]+)(?![\w/])", span):
            COMMANDS.find(found[1])


def test_they_are_found() -> None:
    found = [arguments[0] for block in blocks("README.md") for arguments in commands_in(block.text)]
    assert {"chat", "generate", "train", "eval", "info", "bench", "export", "serve", "web"} <= set(found)
    told = [arguments for span in spans("README.md") for arguments in commands_in(span.replace("|", "\\|"))]
    assert ["history", "list|show|search|export|delete"] in told
    assert any("torchrun" in block.text and list(commands_in(block.text)) for block in blocks("docs/clusters.md"))


def test_shell_is_understood() -> None:
    shell = """$ A=1 picochat web --open > x.txt  # picochat no
echo "it's" | picochat generate && picochat info -m "a b"
torchrun --nproc-per-node 2 -m picochat train \\
    --data x
picochat: it's prose
"""
    assert list(commands_in(shell)) == [["web", "--open"], ["generate"], ["info", "-m", "a b"], ["train", "--data", "x"]]


def test_blocks_are_found() -> None:
    page = "a\n\n    x\n\n      y\n\nb\n    no code\n\n```python\nz\n```\n\n    import a\n"
    found = [(block.language, block.text, block.line) for block in blocks_of(page)]
    assert found == [("", "x\n\n  y", 3), ("python", "z", 11), ("python", "import a", 14)]


@pytest.mark.parametrize(
    "line",
    [
        *("chatt", "chat --tempratur 1", "chat x", "history lst", "train --steps", "eval --data", "data get", "--colour"),
        *("serve --port one", "export"),
    ],
)
def test_what_is_wrong_is_found(line: str) -> None:
    (arguments,) = commands_in(f"picochat {line}")
    with pytest.raises(Exception, match=r"."):
        check(arguments)


def test_a_wrong_option_in_the_prose_is_found() -> None:
    for line in ("train --steppes", "history list|lst"):
        with pytest.raises(LookupError):
            check_names(line.split())
    check_names(["train", "--precision", "fp32", "--time=2h", "--untied"])
