"""From a model's records to the pieces of text that a client gets, each with the tokens that made it."""

from __future__ import annotations

from dataclasses import dataclass

from picochat.inference.engine import StopReason, Token
from picochat.text.tokenizer import Tokenizer
from picochat.web.schema import FinishReason

_FINISH: dict[StopReason, FinishReason] = {"end": "stop", "stop": "stop", "length": "length", "context": "length"}


@dataclass(frozen=True)
class Placed:
    """A token and where its text begins, in characters."""

    token: Token
    offset: int


@dataclass(frozen=True)
class Piece:
    """What one record adds to a text.

    Attributes:
        text: new characters; none while they may begin a stop text.
        tokens: those whose text is now shown, without the end of a turn and what a stop text was made of.
        finish: why the text ends here.
    """

    text: str
    tokens: tuple[Placed, ...] = ()
    finish: FinishReason | None = None

    def __add__(self, after: Piece) -> Piece:
        return Piece(self.text + after.text, self.tokens + after.tokens, after.finish)


class PieceMaker:
    """Makes pieces of the records of one text.

    Args:
        offset: characters before the text, those of an echoed prompt.
    """

    def __init__(self, tokenizer: Tokenizer, offset: int = 0) -> None:
        self._decoder = tokenizer.stream()
        self._written = self._shown = offset
        self._held: list[tuple[Placed, int]] = []
        self.count = 0
        """Tokens generated, the end of the turn included."""

    def take(self, record: Token) -> Piece:
        """The piece that a record completes."""
        self.count += record.id is not None
        if record.id is not None and record.stop != "end":
            placed = Placed(record, self._written)
            self._written += len(self._decoder.feed(record.id))
            self._held.append((placed, self._written))
        self._shown += len(record.text)
        if record.stop == "stop":
            shown = [placed for placed, _ in self._held if placed.offset < self._shown]
        elif record.stop:
            shown = [placed for placed, _ in self._held]
        else:
            # bytes of a character that is half there wait for its rest: it may belong to a stop text
            whole = [at for at, (placed, end) in enumerate(self._held, 1) if placed.offset < end <= self._shown]
            shown = [placed for placed, _ in self._held[: max(whole, default=0)]]
        self._held = self._held[len(shown) :]
        return Piece(record.text, tuple(shown), _FINISH.get(record.stop) if record.stop else None)
