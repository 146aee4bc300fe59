"""The pages against the code: links, commands, files and names in them are there, and the drawing shows every layer."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.test_imports import LAYERS, LEAVES, MAY_IMPORT_TORCH

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "picochat"
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
ARCHITECTURE = DOCS / "architecture.md"
COMPARISON = DOCS / "comparison.md"
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.glob("*.md")),
    *(ROOT / name / "README.md" for name in ("models", "data", "benchmarks")),
]

SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FLAG = re.compile(r"--?[a-zA-Z][\w-]*")
TORCHRUN = {"--max-restarts", "--rdzv-id", "--shutdown-timeout", "--standalone", "--nproc-per-node"}


class Page(NamedTuple):
    """A page in two parts: its prose, and the lines of its code blocks."""

    prose: str
    code: str


@cache
def read(path: Path) -> Page:
    prose, code = list[str](), list[str]()
    fenced = indented = False
    before = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            code.append(line)
        else:
            # an indented block comes after a blank line; what is indented in a list goes on with its item
            indented = line.startswith("    ") and (indented or not before.strip())
            (code if indented else prose).append(line)
        before = line
    return Page("\n".join(prose), "\n".join(code).replace("\\\n", " "))


def spans(path: Path) -> list[str]:
    return [span.replace("\n", " ") for span in SPAN.findall(read(path).prose)]


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


each_page = pytest.mark.parametrize("page", PAGES, ids=short)


# -- links --------------------------------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """What headings are called in links, as GitHub makes it of them."""
    titles = re.findall(r"^#+ (.+)$", read(path).prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(path: Path) -> list[str]:
    found = LINK.findall(SPAN.sub("x", read(path).prose))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


@each_page
def test_links_and_images_lead_somewhere(page: Path) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{short(page)} links to {target}"
        assert there.is_relative_to(ROOT), f"{short(page)} links to {target}, outside of the project"
        assert not anchor or anchor in anchors(there), f"{short(page)} links to {target}, which has no such heading"


def test_the_index_lists_every_page_and_no_other() -> None:
    listed = [target for target in links(INDEX) if "/" not in target and target.endswith(".md")]
    assert sorted(listed) == sorted(path.name for path in DOCS.glob("*.md") if path != INDEX)


# -- commands -----------------------------------------------------------------------------------------------------------


def commands_in(line: str) -> Iterator[list[str]]:
    """The words after `picochat`, for each time that it is called in a line."""
    for call in re.findall(r"(?:^|(?<=[\s=]))picochat ([a-z].*?)(?= \| | && | > |$)", line):
        # what stands in brackets of an explanation may be no whole command
        lexer = shlex.shlex(call, posix=True, punctuation_chars=False)
        lexer.whitespace_split, lexer.commenters = True, "#"
        yield list(lexer)


def calls(path: Path) -> list[list[str]]:
    page = read(path)
    lines = [line.removeprefix("    ").removeprefix("$ ") for line in page.code.splitlines()]
    # what a program prints and what imports it is no command
    typed = [
        line for line in lines if re.search(r"^([A-Z_]+=\S+ |echo |printf |pip |srun |torchrun |picochat )", line.lstrip())
    ]
    typed += [span for span in spans(path) if span.startswith("picochat ")]
    return [call for line in typed for call in commands_in(line.replace("-m picochat", "; picochat"))]


@cache
def command_of(name: str):
    import typer

    from picochat.cli import app

    group = typer.main.get_command(app)
    return group.get_command(None, name)  # type: ignore[attr-defined]


def flags_of(command) -> set[str]:
    return {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


@cache
def all_flags() -> set[str]:
    from picochat.cli import COMMANDS

    commands = [command_of(name) for name in COMMANDS]
    below = [sub for command in commands for sub in getattr(command, "commands", {}).values()]
    return {flag for command in [*commands, *below] for flag in flags_of(command)} | {"--debug", "--version"}


@each_page
def test_commands_have_the_options_that_are_shown(page: Path) -> None:
    for name, *words in calls(page):
        command = command_of(name)
        assert command is not None, f"{short(page)}: there is no `picochat {name}`"
        below = getattr(command, "commands", {})
        if below and words:
            for part in words[0].split("|"):
                assert part in below, f"{short(page)}: there is no `picochat {name} {part}`"
            command = below[words[0].split("|")[0]]
        for word in words:
            if FLAG.match(word):
                assert word.split("=")[0] in flags_of(command), f"{short(page)}: `picochat {name}` has no {word}"


@each_page
def test_options_by_themselves_are_some_commands(page: Path) -> None:
    for span in spans(page):
        if span.startswith("--"):
            flag = re.split(r"[ =|]", span)[0]
            assert flag in all_flags() | TORCHRUN, f"{short(page)}: no command has {flag}"


@each_page
def test_slash_commands_are_there(page: Path) -> None:
    from picochat.chat.actions import COMMANDS

    for span in spans(page):
        if found := re.match(r"/([a-z]+)(?![\w/])", span):
            COMMANDS.find(found[1])


# -- Python -------------------------------------------------------------------------------------------------------------


@each_page
def test_python_examples_import_what_is_there(page: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("picochat"):
                for alias in node.names:
                    assert hasattr(importlib.import_module(node.module or ""), alias.name)


# -- the architecture ---------------------------------------------------------------------------------------------------


def found_at(name: str) -> Path | None:
    """Where a file is that a page names, from the package on or from the project's root."""
    return next((place / name for place in (PACKAGE, ROOT) if (place / name).exists()), None)


def is_path(span: str) -> bool:
    plain = re.fullmatch(r"[\w./-]+", span) is not None
    return plain and (
        span.endswith((".py", "/")) or ("/" in span and span.endswith((".md", ".svg", ".tcss", ".css", ".yaml")))
    )


def is_name(span: str) -> bool:
    """A class, with or without an attribute, a constant or a function; other words of code are in lower case."""
    return re.fullmatch(r"[A-Z]\w*(\.\w+)?|[a-z_]+\(\)", span) is not None


def blocks() -> list[list[str]]:
    """The code words of each paragraph, list item and row of a table in the page on the architecture."""
    parts = re.split(r"\n\n|\n(?=\||- |\d+\. )", read(ARCHITECTURE).prose)
    return [[span.replace("\n", " ") for span in SPAN.findall(part)] for part in parts]


def test_the_files_of_the_architecture_are_there() -> None:
    named = [span for block in blocks() for span in block if is_path(span)]
    assert len(named) > 100
    assert not [span for span in named if found_at(span) is None]


@cache
def own_fields(path: Path) -> set[str]:
    """Attributes that a class of this module has only in its instances, as `Class.name`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        f"{node.name}.{part.target.id}"
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }


def defines(path: Path, name: str) -> bool:
    """Whether a module has that name, and as its own, not as an import."""
    first, _, rest = name.removesuffix("()").partition(".")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        own |= {target.id for target in targets if isinstance(target, ast.Name)}
    if first not in own:
        return False
    thing = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return not rest or hasattr(getattr(thing, first), rest) or f"{first}.{rest}" in own_fields(path)


def test_the_names_of_the_architecture_are_in_the_files_named_beside_them() -> None:
    checked = 0
    for block in blocks():
        files = [path for span in block if span.endswith(".py") and is_path(span) and (path := found_at(span)) is not None]
        for name in filter(is_name, block):
            assert any(defines(path, name) for path in files), f"{name} is in none of {[short(path) for path in files]}"
            checked += 1
    assert checked > 50


def rows_of(page: Path, heading: str) -> dict[str, list[str]]:
    """The rows of the first table with that heading, by their first cell."""
    table = page.read_text(encoding="utf-8").split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_formats_of_files_are_those_that_are_written() -> None:
    for what, (name, *_, place) in rows_of(ARCHITECTURE, "file").items():
        for literal in re.findall(r"`(picochat[\w-]*/\d+)`", name):
            (path,) = (found_at(span) for span in SPAN.findall(place))
            assert path is not None and f'"{literal}"' in path.read_text(encoding="utf-8"), what


def test_the_table_of_layers_is_the_one_that_imports_are_held_against() -> None:
    rows = rows_of(ARCHITECTURE, "layer")
    others = {layer: set(LAYERS) - {layer} for layer in LAYERS}
    told = {
        layer: others[layer] if cells[-1] == "every other layer" else set(SPAN.findall(cells[-1]))
        for layer, cells in rows.items()
    }
    assert told == LAYERS


def test_the_page_names_the_leaves_and_all_that_may_import_torch() -> None:
    text = " ".join(read(ARCHITECTURE).prose.split())
    leaves, torch = (
        text.split("The leaves, ", 1)[1].split(", may be", 1)[0],
        text.split("PyTorch is imported by", 1)[1].split(". All else", 1)[0],
    )
    assert set(SPAN.findall(leaves)) == LEAVES
    assert {span.removesuffix(".py") for span in SPAN.findall(torch)} == MAY_IMPORT_TORCH


def test_the_drawing_shows_the_layers_and_what_each_stands_on() -> None:
    drawing = ET.parse(DOCS / "architecture.svg").getroot()
    boxes = {box.attrib["data-layer"]: box for box in drawing.iter() if "data-layer" in box.attrib}
    assert set(boxes) == set(LAYERS)
    for layer, box in boxes.items():
        assert [text.text for text in box.iter() if text.attrib.get("class") == "name"] == [layer]
        assert ("torch" in box.attrib["class"].split()) == (layer in MAY_IMPORT_TORCH)
    arrows = {
        (arrow.attrib["data-from"], arrow.attrib["data-to"]) for arrow in drawing.iter() if "data-from" in arrow.attrib
    }
    # an arrow that others imply is left out
    implied = {(a, c) for a, uses in LAYERS.items() for b in uses for c in below(b)}
    assert arrows == {(a, b) for a, uses in LAYERS.items() for b in uses} - implied
    leaves = next(text.text or "" for text in drawing.iter() if (text.text or "").startswith("leaves"))
    assert set(leaves.split(": ")[1].split()) == LEAVES


def below(layer: str) -> set[str]:
    """All layers that a layer stands on, directly or not."""
    return LAYERS[layer] | {deep for each in LAYERS[layer] for deep in below(each)}


# -- the comparison -----------------------------------------------------------------------------------------------------


def test_figures_of_the_comparison_are_those_of_the_readme() -> None:
    section = COMPARISON.read_text(encoding="utf-8").split("\n## Figures\n", 1)[1].split("\n## ", 1)[0]
    numbers = re.findall(r"\d[\d,.]*\d", section)
    known = re.findall(
        r"\d[\d,.]*\d", "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/benchmarks.md"))
    )
    assert numbers
    assert not set(numbers) - set(known)
