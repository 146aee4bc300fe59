"""How full the model's window is, and with whose words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

SIGNS = {"mark": "\u2502", "system": "\u2591", "you": "\u2592", "picochat": "\u2588", "free": "\u00b7"}
"""What a cell of the bar looks like, by whose it is."""


class ContextMeter(Widget):
    """A bar of signs across the width, and the numbers behind it.

    Args:
        shares: tokens by speaker, in the order of the bar; they add up to the window.
    """

    def __init__(self, shares: Mapping[str, int]) -> None:
        super().__init__()
        self.shares = shares

    def render(self) -> Content:
        """The bar and the numbers, at whatever width there is."""
        cells = share_out(list(self.shares.values()), self.size.width)
        bar = "".join(SIGNS[name] * size for name, size in zip(self.shares, cells, strict=True))
        return Content("\n".join([bar, *self.legend(self.size.width)]))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line for the bar, and as many as the numbers take."""
        return 1 + len(self.legend(width))

    def legend(self, width: int) -> list[str]:
        """What the signs mean, with the numbers, in lines that break between two of them."""
        entries = (f"{SIGNS[name]} {name} {tokens:,}" for name, tokens in self.shares.items())
        return textwrap.wrap(" | ".join(entry.replace(" ", "\u00a0") for entry in entries), max(1, width))


def share_out(shares: Sequence[int], width: int) -> list[int]:
    """Cells of a bar for each share: in proportion, `width` in all, and one at least for each where there is room."""
    total = max(1, sum(shares))
    cells = [max(int(share > 0), share * width // total) for share in shares]
    while any(cells) and (excess := sum(cells) - width):
        cells[cells.index(max(cells))] -= 1 if excess > 0 else -1  # what rounding adds or takes shows least in the longest
    return cells
