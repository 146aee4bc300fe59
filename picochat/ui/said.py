"""What the transcript shows, apart from how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from picochat.inference.engine import Token

HUGE = 20_000
"""A text with more characters begins folded, and a folded one is wrapped no further than this: all of it takes seconds."""


class Said:
    """A message that may still be growing, whether or not it is on the screen.

    Args:
        role: who speaks: "user", "assistant" or "system".
        text: what is said.
        tokens: the records of an answer, where they are known.
        index: the entry of the conversation that it is; `None` for a message that has none yet.
        footnote: what is said below the text.
    """

    def __init__(
        self, role: str, text: str = "", tokens: Sequence[Token] = (), *, index: int | None = None, footnote: str = ""
    ) -> None:
        self.role = role
        self.text = text
        self.tokens = list(tokens)
        self.index = index
        self.footnote = footnote
        self.folded = len(text) > HUGE
        self.changed: Callable[[Said, Sequence[Token]], None] | None = None
        """Told of the tokens that came, or of none when something else has changed."""

    @property
    def can_inspect(self) -> bool:
        """Whether there are records that say what else the model could have written."""
        return any(token.alternatives for token in self.tokens)

    def append(self, tokens: Sequence[Token]) -> None:
        """Add streamed tokens."""
        self.tokens += tokens
        self.text += "".join(token.text for token in tokens)
        self._tell(tokens)

    def finish(self, footnote: str) -> None:
        """Say below the text how the answer ended."""
        self.footnote = footnote
        self._tell()

    def _tell(self, tokens: Sequence[Token] = ()) -> None:
        if self.changed is not None:
            self.changed(self, tokens)


@dataclass(frozen=True)
class Note:
    """A note of the program: no part of the conversation."""

    text: str
    error: bool = False
