"""Tokens under the lens: a text cut into pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.getters import query_one
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Footer, Static

from picochat.chat.pieces import Block, measure
from picochat.text.safe import printable
from picochat.ui.widgets.token_flow import TokenFlow


class LensScreen(ModalScreen[None]):
    """Tokens, and below them what is known of the one under the cursor.

    Args:
        blocks: the tokens.
        ids: write each token's id behind it.
        cursor: the token to begin with.
    """

    CSS_PATH = "../tokens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Close")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012  (declared so by Textual)

    facts = query_one("#facts", Static)

    def __init__(self, blocks: Sequence[Block], *, ids: bool = False, cursor: int = 0) -> None:
        super().__init__()
        self.flow = TokenFlow(blocks, ids=ids, cursor=cursor)

    def figures(self) -> Iterable[Widget]:
        """What stands above the tokens."""
        raise NotImplementedError

    def place(self, index: int) -> str:
        """Where a token stands."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The figures, the tokens, and the facts of one."""
        with Vertical(id="tokens"):
            yield from self.figures()
            yield self.flow
            yield Static(id="facts", markup=False)
            yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Start with the keys on the tokens."""
        self.flow.focus()
        self._show_facts()

    @on(TokenFlow.Selected)
    def _show_facts(self) -> None:
        pieces = self.flow.pieces
        index = self.flow.cursor
        text = f"{self.place(index)}\n{pieces[index].facts()}" if pieces else "There are no tokens in it."
        self.facts.update(Content(printable(text)))

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)


class TokensScreen(LensScreen):
    """The tokens of one text, with their ids."""

    def __init__(self, block: Block) -> None:
        super().__init__([block], ids=True)
        self.block = block

    def figures(self) -> Iterable[Widget]:
        """How many there are, and how long."""
        return [Static(Content(measure(self.block)), id="summary")]

    def place(self, index: int) -> str:
        """Its number."""
        return f"token {index + 1:,} of {len(self.block.pieces):,}"
