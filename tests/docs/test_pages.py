"""Links, the index of the pages, and figures that stand on more than one of them."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links

INDEX = "docs/README.md"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_images_lead_somewhere(page: str) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        there = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), f"{target} is outside of the project"
        assert not anchor or anchor in anchors(there.relative_to(ROOT).as_posix()), f"{target}: no such heading"


def test_links_are_found() -> None:
    assert len(links("README.md")) > 10


def test_the_index_lists_every_page_and_no_other() -> None:
    listed = [target for target in links(INDEX) if "/" not in target and target.endswith(".md")]
    assert sorted(f"docs/{name}" for name in listed) == [
        page for page in PAGES if page.startswith("docs/") and page != INDEX
    ]


def test_figures_of_the_comparison_are_those_of_the_readme() -> None:
    page = (ROOT / "docs/comparison.md").read_text(encoding="utf-8")
    numbers = re.findall(r"\d[\d,.]*\d", page.split("\n## Figures\n", 1)[1].split("\n## ", 1)[0])
    told = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/benchmarks.md"))
    assert numbers
    assert not set(numbers) - set(re.findall(r"\d[\d,.]*\d", told))
