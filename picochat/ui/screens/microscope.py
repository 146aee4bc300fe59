"""The tokens of an answer under the lens: how sure the model was, and what else it could have said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.getters import query_one
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from picochat.inference.engine import Token
from picochat.text.safe import printable
from picochat.ui.widgets.token_text import chance, legend, probability, token_content

Choice = tuple[Token, ...]
"""The beginning of another answer: the tokens before the cursor, and the alternative that was chosen there."""


class MicroscopeScreen(ModalScreen[Choice | None]):
    """Left and right move over the tokens, up and down over the alternatives; Enter goes on from the one chosen.

    Args:
        tokens: the records of an answer.
    """

    CSS_PATH = "../microscope.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Token before", priority=True),
        Binding("right", "move(1)", "Token after", priority=True),
        Binding("home", "move(-100000)", "First", show=False, priority=True),
        Binding("end", "move(100000)", "Last", show=False, priority=True),
        Binding("enter", "choose", "Go on from here", priority=True),
        Binding("escape,q", "leave", "Close"),
    ]

    text = query_one("#text", Static)
    facts = query_one("#facts", Static)
    choices = query_one("#choices", OptionList)

    def __init__(self, tokens: Sequence[Token]) -> None:
        super().__init__()
        self.tokens = [token for token in tokens if token.id is not None]
        self.cursor = 0

    def compose(self) -> ComposeResult:
        """The answer, the token's figures, and its rivals."""
        with Vertical(id="lens"):
            with VerticalScroll(can_focus=False):
                yield Static(id="text", markup=False)
            yield Static(legend(), markup=False, id="legend")
            yield Static(id="facts", markup=False)
            yield OptionList(id="choices", markup=False)
            yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Start at the token the model was least sure of: that is where answers part."""
        self.cursor = min(range(len(self.tokens)), key=lambda index: self.tokens[index].logprob)
        self.choices.focus()
        self._show()

    def action_move(self, step: int) -> None:
        """Go to another token."""
        self.cursor = max(0, min(len(self.tokens) - 1, self.cursor + step))
        self._show()

    def action_choose(self) -> None:
        """Close with the highlighted alternative, unless it is what was said anyway."""
        token = self.tokens[self.cursor]
        if self.choices.highlighted is None or not token.alternatives:
            return
        other = token.alternatives[self.choices.highlighted]
        if other.id == token.id:
            self.app.notify("That is what it said; choose another one.", markup=False)
            return
        self.dismiss((*self.tokens[: self.cursor], Token(other.id, other.text, other.logprob, 0.0)))

    @on(OptionList.OptionSelected)
    def _clicked(self) -> None:
        self.action_choose()

    def action_leave(self) -> None:
        """Close and change nothing."""
        self.dismiss(None)

    def _show(self) -> None:
        token = self.tokens[self.cursor]
        self.text.update(token_content(self.tokens, self.cursor))
        self.facts.update(
            Content(
                f"token {self.cursor + 1} of {len(self.tokens)}, id {token.id}: {printable(repr(token.text))}, "
                f"probability {probability(token):.1%}"
            )
        )
        self.choices.set_options(
            Option(
                Content(
                    f"{'>' if other.id == token.id else ' '} {chance(other.logprob):>6.1%}  {printable(repr(other.text))}"
                )
            )
            for other in token.alternatives
        )
        if token.alternatives:
            self.choices.highlighted = next((i for i, other in enumerate(token.alternatives) if other.id == token.id), 0)
