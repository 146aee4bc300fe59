from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.chat.pieces import BORDER, Block, describe_block, describe_tokens, measure, pieces_of, text_block, visible
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.errors import PicochatError
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text
from tests.fakes import scripted_session

BPE = Tokenizer.train([chat_text()], "bpe", 400)


@given(st.text())
def test_pieces_are_the_bytes_of_the_text_and_nothing_in_them_is_hidden(text: str) -> None:
    pieces = pieces_of(BPE, BPE.encode(text))
    assert b"".join(piece.data for piece in pieces) == text.encode()
    for piece in pieces:
        assert piece.shown
        # what is shown is made of characters with a shape, and of the break behind each newline sign
        assert piece.shown.replace("⏎\n", "").isprintable()
        assert "\n" not in piece.facts()


def test_white_space_and_what_has_no_shape_is_visible() -> None:
    assert visible("a b\n\tc\r\x1b[2J") == "a·b⏎\n⇥c␍␛[2J"
    assert visible("\u200d\u00a0\u202e") == "\\u200d\\xa0\ufffd"
    assert visible("\u0301e") == "◌\u0301e"


def test_a_character_of_several_tokens_shows_its_bytes() -> None:
    pieces = pieces_of(BPE, BPE.encode("😀"))
    assert [piece.text for piece in pieces] == ["\\xf0", "\\x9f", "\\x98", "\\x80"]
    assert pieces[0].facts() == f"id {pieces[0].id}: b'\\xf0', 1 byte f0"
    assert measure(Block("text", pieces)) == "4 tokens, 1 character, 0.25 characters a token"


def test_a_text_is_cut_and_counted() -> None:
    session = scripted_session([])
    block = text_block(session, "ab \n")
    assert [piece.text for piece in block.pieces] == ["a", "b", " ", "\n"]
    heading, names = describe_tokens(block).splitlines()
    assert heading == "text: 4 tokens, 4 characters, 1.00 characters a token"
    assert names.split("=")[0] == "'a'"
    assert f"'\\n'={block.pieces[-1].id}" in names


def test_without_a_text_it_is_the_last_message() -> None:
    session = scripted_session(["Yes [b]"])
    with pytest.raises(PicochatError, match="needs a text"):
        text_block(session)
    list(session.reply("Well?"))
    block = text_block(session)
    assert block.title == "the last answer"
    assert [piece.id for piece in block.pieces] == session.conversation.entries[-1].ids
    assert all(piece.probability is not None for piece in block.pieces)
    session.conversation.add("user", "Hm")
    assert text_block(session).title == "your last message"
    assert "".join(piece.text for piece in text_block(session).pieces) == "Hm"


def test_an_answer_of_which_only_the_text_is_left_has_no_probabilities() -> None:
    session = scripted_session(["Ja", "wohl"])
    list(session.reply("A"))
    session.conversation.forget_ids()
    assert all(piece.probability is None for piece in text_block(session).pieces)
    list(session.resume())
    pieces = text_block(session).pieces
    assert "".join(piece.text for piece in pieces) == "Jawohl"
    assert [piece.probability is None for piece in pieces] == [True] * 2 + [False] * 4


def test_single_prompts_have_a_last_answer_too() -> None:
    session = scripted_session(["One"], ChatSettings(mode="single"))
    list(session.reply("A"))
    assert "".join(piece.text for piece in text_block(session).pieces) == "One"


def test_an_empty_answer_has_no_tokens() -> None:
    session = scripted_session([""])
    list(session.reply("A"))
    block = text_block(session)
    assert describe_tokens(block) == "the last answer: 0 tokens, 0 characters\n"


def test_there_are_no_tokens_without_a_model() -> None:
    with pytest.raises(PicochatError, match="No model"):
        text_block(ChatSession(), "text")


def test_a_block_as_lines_breaks_where_the_text_does() -> None:
    block = text_block(scripted_session([]), "a\n\nb c")
    assert describe_block(block) == f"[text: 6 tokens]\na{BORDER}⏎\n⏎\nb{BORDER}·{BORDER}c"
