"""Tokens as a person looks at them: pieces of text with their ids, in blocks that belong together."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from picochat.chat.session import ChatSession
from picochat.errors import PicochatError
from picochat.inference.engine import Token
from picochat.text.chat_format import Part, Role
from picochat.text.safe import printable
from picochat.text.tokenizer import Tokenizer

SPACE, NEWLINE, TAB = "\u00b7", "\u23ce", "\u21e5"
"""How white space shows."""
JOINED = "\u25cc"
"""What carries a mark that would join the character before it."""
EMPTY = "\u2205"
"""What stands for a token without text."""
BORDER = "\u2502"
"""What stands between two tokens where styles can't tell them apart."""
MOST_BYTES = 12
"""Bytes of one token that are listed."""


@dataclass(frozen=True)
class Piece:
    """One token.

    Attributes:
        text: its text, bytes that are no text as escapes; a special token's name.
        data: the bytes that it stands for; none for a special token.
        probability: from 0 to 1, for a token that the model chose and whose record is still there.
    """

    id: int
    text: str
    data: bytes
    special: bool
    part: Part = Part.TEXT
    probability: float | None = None

    @property
    def shown(self) -> str:
        """Its text with everything visible; a line break is a sign and a break."""
        return visible(self.text) or EMPTY

    @property
    def name(self) -> str:
        """Its text on one line, as a Python literal, so that nothing in it can be mistaken."""
        if self.special:
            return printable(self.text)
        try:
            return printable(repr(self.data.decode("utf-8")))
        except UnicodeDecodeError:
            return repr(self.data)

    def facts(self) -> str:
        """Id, name, bytes, and how likely the model found it."""
        listed = self.data[:MOST_BYTES].hex(" ") + (" ..." if len(self.data) > MOST_BYTES else "")
        size = "special token" if self.special else f"{count(len(self.data), 'byte')} {listed}".rstrip()
        chance = "" if self.probability is None else f", probability {self.probability:.1%}"
        return f"id {self.id}: {self.name}, {size}{chance}"


@dataclass(frozen=True)
class Block:
    """Tokens in a row that belong to one thing.

    Attributes:
        title: what that is.
        speaker: whom its tokens count for: "mark", "system", "you" or "picochat".
        fallen: the model doesn't see it any more.
        cut: only a stretch of it is here.
    """

    title: str
    pieces: tuple[Piece, ...]
    speaker: str = "you"
    fallen: bool = False
    cut: bool = False

    @property
    def heading(self) -> str:
        """The title, what became of it, and its size."""
        state = (", fell off" if self.fallen else "") + (", in part" if self.cut else "")
        return f"{self.title}{state}: {count(len(self.pieces), 'token')}"


def pieces_of(
    tokenizer: Tokenizer, ids: Sequence[int], parts: Sequence[Part] | None = None, records: Iterable[Token] = ()
) -> tuple[Piece, ...]:
    """Tokens with all there is to know of them.

    Args:
        parts: what each token is; plain text when left out.
        records: those of the tokens that the model chose, in order; the first belongs to the first token of its part.
    """
    known = iter(records)
    pieces = []
    for index, part in zip(ids, parts or [Part.TEXT] * len(ids), strict=True):
        record = next(known, None) if part == Part.ASSISTANT else None
        probability = _probability(record) if record is not None and record.id == index else None
        special = index in tokenizer.special_ids
        pieces.append(Piece(index, tokenizer.piece(index), tokenizer.token_bytes(index), special, part, probability))
    return tuple(pieces)


def visible(text: str) -> str:
    """`text` with white space, control characters and all else that has no shape of its own made visible."""
    if text.isascii() and text.isalnum():
        return text
    # a mark that joins the character before it would hide the border between two tokens
    joined = JOINED if text and unicodedata.category(text[0]).startswith("M") else ""
    return joined + "".join(map(_visible, text))


def text_block(session: ChatSession, text: str = "") -> Block:
    """The tokens of a text; without one, of the last message, which for an answer are those that the model chose.

    Raises:
        PicochatError: there is no model, or neither a text nor a message.
    """
    engine = session.require_engine()
    tokenizer = engine.tokenizer
    if text:
        return Block("text", pieces_of(tokenizer, tokenizer.encode(text)))
    entries, last = session.conversation.entries, session.last
    if session.mode == "single" and last is not None:
        return _message_block(tokenizer, "assistant", last.ids, last.tokens)
    if not entries:
        raise PicochatError("/tokens needs a text to cut into tokens: there is no message yet to take.")
    message = entries[-1].message
    ids = entries[-1].ids
    return _message_block(
        tokenizer, message.role, tokenizer.encode(message.content) if ids is None else ids, entries[-1].tokens
    )


def measure(block: Block) -> str:
    """How many tokens a text takes, and how well they fit it."""
    tokens = len(block.pieces)
    characters = len(b"".join(piece.data for piece in block.pieces).decode("utf-8", errors="replace"))
    each = f", {characters / tokens:.2f} characters a token" if tokens else ""
    return f"{count(tokens, 'token')}, {count(characters, 'character')}{each}"


def describe_tokens(block: Block) -> str:
    """The tokens of a text as lines: the figures, then a line of names with their ids."""
    return "\n".join([f"{block.title}: {measure(block)}", " ".join(f"{piece.name}={piece.id}" for piece in block.pieces)])


def describe_block(block: Block) -> str:
    """A block as lines: its heading, then its text with borders between the tokens."""
    shown = [piece.shown for piece in block.pieces]
    # a line break is a border already
    text = "".join(piece if piece.endswith("\n") else piece + BORDER for piece in shown)
    return f"[{block.heading}]\n{text.removesuffix(BORDER).removesuffix(chr(10))}"


def count(number: int, noun: str) -> str:
    """A number of things in words."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _message_block(tokenizer: Tokenizer, role: Role, ids: Sequence[int], records: Sequence[Token]) -> Block:
    parts = [Part[role.upper()]] * len(ids)
    pieces = pieces_of(tokenizer, ids, parts, [token for token in records if token.id is not None])
    return Block("the last answer" if role == "assistant" else "your last message", pieces)


def _visible(character: str) -> str:
    if character == " ":
        return SPACE
    if character == "\n":
        return f"{NEWLINE}\n"
    if character == "\t":
        return TAB
    if character.isprintable():
        return character
    picture = printable(character)
    if picture != character:
        return picture
    return character.encode("unicode_escape").decode("ascii")


def _probability(record: Token) -> float | None:
    """The probability behind a record; `None` for one made from text alone, which no model has judged."""
    if not record.alternatives and record.logprob == 0.0:
        return None
    return math.exp(min(0.0, record.logprob))
