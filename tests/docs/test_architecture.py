"""The page on the architecture against the code: files and names in it are there, and the drawing shows every layer."""

from __future__ import annotations

import ast
import importlib
import re
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

from tests.docs.pages import ROOT, prose
from tests.test_imports import LAYERS, LEAVES, MAY_IMPORT_TORCH

PACKAGE = ROOT / "picochat"
ARCHITECTURE = "docs/architecture.md"
SPAN = re.compile(r"`([^`]+)`")


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


def paragraphs() -> list[list[str]]:
    """The code words of each paragraph, list item and row of a table in the page on the architecture."""
    parts = re.split(r"\n\n|\n(?=\||- |\d+\. )", prose(ARCHITECTURE))
    return [[span.replace("\n", " ") for span in SPAN.findall(part)] for part in parts]


def test_the_files_of_the_architecture_are_there() -> None:
    named = [span for block in paragraphs() for span in block if is_path(span)]
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
    for block in paragraphs():
        files = [path for span in block if span.endswith(".py") and is_path(span) and (path := found_at(span)) is not None]
        for name in filter(is_name, block):
            assert any(defines(path, name) for path in files), f"{name} is in none of {files}"
            checked += 1
    assert checked > 50


def rows_of(heading: str) -> dict[str, list[str]]:
    """The rows of the first table with that heading, by their first cell."""
    table = (ROOT / ARCHITECTURE).read_text(encoding="utf-8").split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_formats_of_files_are_those_that_are_written() -> None:
    for what, (name, *_, place) in rows_of("file").items():
        for literal in re.findall(r"`(picochat[\w-]*/\d+)`", name):
            (path,) = (found_at(span) for span in SPAN.findall(place))
            assert path is not None and f'"{literal}"' in path.read_text(encoding="utf-8"), what


def test_the_table_of_layers_is_the_one_that_imports_are_held_against() -> None:
    rows = rows_of("layer")
    others = {layer: set(LAYERS) - {layer} for layer in LAYERS}
    told = {
        layer: others[layer] if cells[-1] == "every other layer" else set(SPAN.findall(cells[-1]))
        for layer, cells in rows.items()
    }
    assert told == LAYERS


def test_the_page_names_the_leaves_and_all_that_may_import_torch() -> None:
    text = " ".join(prose(ARCHITECTURE).split())
    leaves, torch = (
        text.split("The leaves, ", 1)[1].split(", may be", 1)[0],
        text.split("PyTorch is imported by", 1)[1].split(". All else", 1)[0],
    )
    assert set(SPAN.findall(leaves)) == LEAVES
    assert {span.removesuffix(".py") for span in SPAN.findall(torch)} == MAY_IMPORT_TORCH


def test_the_drawing_shows_the_layers_and_what_each_stands_on() -> None:
    drawing = ET.parse(ROOT / "docs/architecture.svg").getroot()
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
