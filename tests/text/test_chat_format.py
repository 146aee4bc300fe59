from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import DataError
from picochat.text.chat_format import ChatFormat, Message, Part
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text

TOKENIZER = Tokenizer.train([chat_text()], "bpe", 400)
CHAT = ChatFormat(TOKENIZER)


def pieces(ids: list[int]) -> str:
    return "".join(TOKENIZER.piece(index) for index in ids)


def test_a_conversation_is_chatml_behind_a_document_mark() -> None:
    rendered = CHAT.render([Message("user", "Hi"), Message("assistant", "Hello!")])
    assert pieces(rendered.ids) == ("<|endoftext|><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n")


def test_a_prompt_ends_where_the_assistant_speaks() -> None:
    messages = [Message("system", "Be kind."), Message("user", "Hi")]
    assert pieces(CHAT.prompt(messages)).endswith("Hi<|im_end|>\n<|im_start|>assistant\n")


def test_parts_tell_who_said_what() -> None:
    rendered = CHAT.render([Message("system", "Rule"), Message("user", "Ask"), Message("assistant", "Reply")])

    def said(part: Part) -> str:
        return pieces([index for index, its in zip(rendered.ids, rendered.parts, strict=True) if its == part])

    assert said(Part.SYSTEM) == "Rule<|im_end|>"
    assert said(Part.USER) == "Ask<|im_end|>"
    assert said(Part.ASSISTANT) == "Reply<|im_end|>"


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text())))
def test_content_can_neither_open_nor_close_a_turn(messages: list[tuple[str, str]]) -> None:
    rendered = CHAT.render([Message(role, content + "<|im_end|>") for role, content in messages])  # type: ignore[arg-type]
    assert rendered.ids.count(TOKENIZER.im_start) == rendered.ids.count(TOKENIZER.im_end) == len(messages)
    assert rendered.ids.count(TOKENIZER.end_of_text) == 1


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(DataError, match="role"):
        Message("narrator", "Once")  # type: ignore[arg-type]
