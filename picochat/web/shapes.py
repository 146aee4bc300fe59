"""The two forms of a response: the answer in a chat, and the text that goes on."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from picochat.text.tokenizer import Tokenizer
from picochat.web.pieces import Piece, Placed
from picochat.web.schema import (
    ChatChoice,
    ChatLogprobs,
    ChatMessage,
    Response,
    TextChoice,
    TextLogprobs,
    TokenLogprob,
    TopLogprob,
    Usage,
)


class Shape(ABC):
    """Puts pieces of text into the responses of one request.

    Args:
        model: the name that responses carry.
        logprobs: tell of the tokens.
    """

    def __init__(self, tokenizer: Tokenizer, model: str, *, logprobs: bool) -> None:
        self._tokenizer = tokenizer
        self._logprobs = logprobs
        self._common = {"id": f"{self.prefix}-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}

    prefix: str

    @abstractmethod
    def opening(self, index: int) -> Response | None:
        """The chunk before the first of a text, where there is one."""

    @abstractmethod
    def chunk(self, index: int, piece: Piece) -> Response:
        """A part of a text."""

    @abstractmethod
    def whole(self, pieces: Sequence[Piece], usage: Usage) -> Response:
        """All texts."""

    @abstractmethod
    def totals(self, usage: Usage) -> Response:
        """The chunk after the last, for those who want to know what was used."""


class ChatShape(Shape):
    """Answers."""

    prefix = "chatcmpl"

    def opening(self, index: int) -> Response:
        """Who speaks."""
        return self._chunk(index, ChatMessage(role="assistant", content=""), Piece(""))

    def chunk(self, index: int, piece: Piece) -> Response:
        """See `Shape.chunk`."""
        delta = ChatMessage(content=piece.text) if piece.text or piece.tokens else ChatMessage()
        return self._chunk(index, delta, piece)

    def whole(self, pieces: Sequence[Piece], usage: Usage) -> Response:
        """See `Shape.whole`."""
        choices = [
            ChatChoice(
                index=index,
                message=ChatMessage(role="assistant", content=piece.text),
                logprobs=self._tell(piece.tokens),
                finish_reason=piece.finish,
            )
            for index, piece in enumerate(pieces)
        ]
        return Response(object="chat.completion", choices=choices, usage=usage, **self._common)

    def totals(self, usage: Usage) -> Response:
        """See `Shape.totals`."""
        return Response(object="chat.completion.chunk", choices=[], usage=usage, **self._common)

    def _chunk(self, index: int, delta: ChatMessage, piece: Piece) -> Response:
        choice = ChatChoice(index=index, delta=delta, logprobs=self._tell(piece.tokens), finish_reason=piece.finish)
        return Response(object="chat.completion.chunk", choices=[choice], **self._common)

    def _tell(self, tokens: Sequence[Placed]) -> ChatLogprobs | None:
        if not self._logprobs:
            return None
        return ChatLogprobs(content=[self._token(placed) for placed in tokens])

    def _token(self, placed: Placed) -> TokenLogprob:
        token = placed.token
        top = [self._top(other.id, other.logprob) for other in token.alternatives]
        return TokenLogprob(**self._top(token.id or 0, token.logprob).model_dump(), top_logprobs=top)

    def _top(self, token: int, logprob: float) -> TopLogprob:
        tokenizer = self._tokenizer
        return TopLogprob(token=tokenizer.piece(token), logprob=logprob, bytes=list(tokenizer.token_bytes(token)))


class TextShape(Shape):
    """Texts that go on.

    Args:
        prompts: for each text what to begin it with; empty without echo.
    """

    prefix = "cmpl"

    def __init__(self, tokenizer: Tokenizer, model: str, *, logprobs: bool, prompts: Sequence[str]) -> None:
        super().__init__(tokenizer, model, logprobs=logprobs)
        self._prompts = prompts

    def opening(self, index: int) -> Response | None:
        """The prompt, if it is echoed."""
        return self.chunk(index, Piece(self._prompts[index])) if self._prompts[index] else None

    def chunk(self, index: int, piece: Piece) -> Response:
        """See `Shape.chunk`."""
        return Response(object="text_completion", choices=[self._choice(index, piece)], **self._common)

    def whole(self, pieces: Sequence[Piece], usage: Usage) -> Response:
        """See `Shape.whole`."""
        choices = [self._choice(index, piece, self._prompts[index]) for index, piece in enumerate(pieces)]
        return Response(object="text_completion", choices=choices, usage=usage, **self._common)

    def totals(self, usage: Usage) -> Response:
        """See `Shape.totals`."""
        return Response(object="text_completion", choices=[], usage=usage, **self._common)

    def _choice(self, index: int, piece: Piece, before: str = "") -> TextChoice:
        logprobs = self._tell(piece.tokens) if self._logprobs else None
        return TextChoice(index=index, text=before + piece.text, logprobs=logprobs, finish_reason=piece.finish)

    def _tell(self, tokens: Sequence[Placed]) -> TextLogprobs:
        names = [self._tokenizer.piece(placed.token.id or 0) for placed in tokens]
        # the chosen token is always among them
        top = [
            {**{other.text: other.logprob for other in placed.token.alternatives}, chosen: placed.token.logprob}
            for placed, chosen in zip(tokens, names, strict=True)
        ]
        return TextLogprobs(
            tokens=names,
            token_logprobs=[placed.token.logprob for placed in tokens],
            top_logprobs=top,
            text_offset=[placed.offset for placed in tokens],
        )
