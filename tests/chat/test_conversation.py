from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.chat.conversation import Conversation
from picochat.text.chat_format import ChatFormat
from tests.fakes import char_tokenizer

TOKENIZER = char_tokenizer()
CHAT = ChatFormat(TOKENIZER)


def talk(turns: int, length: int = 10, system: str | None = None) -> Conversation:
    conversation = Conversation(system=system)
    for turn in range(turns):
        conversation.add("user", f"{turn}".rjust(length, "u"))
        conversation.add("assistant", f"{turn}".rjust(length, "a"))
    conversation.add("user", "last".rjust(length, "u"))
    return conversation


def pieces(ids: list[int]) -> str:
    return "".join(TOKENIZER.piece(index) for index in ids)


def test_everything_is_there_while_it_fits() -> None:
    prompt = talk(2).prompt(CHAT, 1000, 100)
    assert prompt.dropped == 0
    assert pieces(prompt.ids).count("<|im_start|>") == 6


def test_whole_oldest_turns_go_and_the_system_prompt_stays() -> None:
    conversation = talk(10, system="Be kind.")
    prompt = conversation.prompt(CHAT, 250, 50)
    shown = pieces(prompt.ids)
    assert prompt.dropped > 0
    assert prompt.dropped % 2 == 0
    assert prompt.newly_dropped == prompt.dropped
    assert "Be kind." in shown
    assert shown.endswith("uuuuuulast<|im_end|>\n<|im_start|>assistant\n")
    assert shown.split("<|im_start|>")[2].startswith("user")
    assert len(prompt.ids) <= 200
    # one turn more would not have fitted
    conversation.dropped = prompt.dropped - 2
    assert conversation.prompt(CHAT, 250, 50).dropped == prompt.dropped


def test_what_was_dropped_stays_dropped_and_is_told_once() -> None:
    conversation = talk(10)
    first = conversation.prompt(CHAT, 250, 50)
    again = conversation.prompt(CHAT, 250, 50)
    assert again.ids == first.ids
    assert (first.newly_dropped > 0, again.newly_dropped) == (True, 0)


def test_a_message_longer_than_the_window_keeps_its_end() -> None:
    conversation = Conversation(system="Be kind.")
    conversation.add("user", "x" * 500 + "the end?")
    prompt = conversation.prompt(CHAT, 120, 20)
    assert prompt.cut
    assert len(prompt.ids) == 100
    assert "Be kind." in pieces(prompt.ids)
    assert "the end?<|im_end|>" in pieces(prompt.ids)


@given(
    st.lists(st.text(max_size=60), min_size=1, max_size=12),
    st.integers(1, 200),
    st.integers(1, 300),
    st.none() | st.text(max_size=40),
)
def test_no_history_ever_exceeds_the_window(messages: list[str], context: int, reserve: int, system: str | None) -> None:
    conversation = Conversation(system=system)
    for index, message in enumerate(messages):
        conversation.add("user", message)
        if index < len(messages) - 1:
            conversation.add("assistant", message[::-1])
        prompt = conversation.prompt(CHAT, context, min(reserve, context - 1))
        assert 1 <= len(prompt.ids) <= max(1, context - min(reserve, context - 1))


def test_an_answer_keeps_the_ids_it_was_generated_with() -> None:
    conversation = talk(0)
    ids = TOKENIZER.encode("h") + TOKENIZER.encode("i")
    conversation.add("assistant", "hi", ids=ids)
    conversation.add("user", "more")
    prompt = conversation.prompt(CHAT, 500, 10)
    assert pieces(prompt.ids).count("hi<|im_end|>") == 1


def test_undo_takes_the_last_turn() -> None:
    conversation = talk(2)
    conversation.add("assistant", "reply")
    assert [entry.message.role for entry in conversation.undo()] == ["user", "assistant"]
    assert len(conversation.entries) == 4
    assert len(conversation.undo()) == 2
    conversation.undo()
    assert conversation.undo() == []


@pytest.mark.parametrize("context", [1, 2, 8, 20])
def test_a_tiny_window_still_gives_a_prompt(context: int) -> None:
    prompt = talk(3, system="long system prompt").prompt(CHAT, context, max(1, context // 4))
    assert 1 <= len(prompt.ids) <= context
