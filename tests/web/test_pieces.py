from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from picochat.inference.engine import Engine, Token
from picochat.inference.settings import SamplingSettings
from picochat.text.tokenizer import Tokenizer
from picochat.web.pieces import Piece, PieceMaker
from tests.fakes import ScriptedBackend

# bytes are tokens here: most characters come in several pieces
BYTES = Tokenizer.train(["a"], "bpe", 259)


def records_of(reply: str, *stops: str, limit: int | None = None) -> list[Token]:
    engine = Engine(ScriptedBackend([reply], BYTES), BYTES)
    settings = SamplingSettings(temperature=0, stop=stops, max_tokens=limit)
    return list(engine.stream(BYTES.encode("x"), settings, end={BYTES.im_end}))


def pieces_of(records: list[Token], offset: int = 0) -> tuple[list[Piece], PieceMaker]:
    maker = PieceMaker(BYTES, offset)
    return [maker.take(record) for record in records], maker


@given(st.text("aX€😀 ", min_size=1, max_size=30), st.sampled_from(["", "X€", "aa", "😀 "]), st.integers(1, 60))
def test_the_tokens_told_are_those_of_the_text_shown(reply: str, stop: str, limit: int) -> None:
    records = records_of(reply, stop, limit=limit)
    pieces, maker = pieces_of(records)
    whole = sum(pieces, Piece(""))
    text = "".join(token.text for token in records)
    told = b"".join(BYTES.token_bytes(placed.token.id or 0) for placed in whole.tokens)
    assert whole.text == text
    assert maker.count == len(records)
    assert [piece.finish is not None for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    # a stop text may begin within the last token; here tokens are bytes
    assert told.decode(errors="replace") == text
    shown = ""
    for piece in pieces:
        shown += piece.text
        # no token is told before its text is shown
        assert all(placed.offset < len(shown) for placed in piece.tokens)


@given(st.text("a€😀", min_size=1, max_size=20), st.integers(0, 9))
def test_offsets_are_characters(reply: str, before: int) -> None:
    pieces, _ = pieces_of(records_of(reply), before)
    placed = [token for piece in pieces for token in piece.tokens]
    starts = [len(reply.encode()[:index].decode(errors="ignore")) for index in range(len(reply.encode()))]
    assert [token.offset - before for token in placed] == starts


def test_reasons_are_those_that_clients_know() -> None:
    def finish(*arguments: str, **options: int) -> str | None:
        return pieces_of(records_of(*arguments, **options))[0][-1].finish  # type: ignore[arg-type]

    assert finish("abc") == "stop"
    assert finish("abc", "b") == "stop"
    assert finish("abc", limit=2) == "length"
