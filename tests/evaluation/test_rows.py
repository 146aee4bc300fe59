from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.evaluation.rows import Row, document_rows, plain_text
from picochat.inference.engine import Engine
from picochat.text.chat_format import Message, Part
from picochat.text.corpus import Conversation, Text
from tests.evaluation.tiny import talk
from tests.fakes import ScriptedBackend, char_tokenizer

TOKENIZER = char_tokenizer()


def engine_of(context: int, replies: tuple[str, ...] = (), kind: str = "chat") -> Engine:
    backend = ScriptedBackend(replies, TOKENIZER, context=context)
    backend.info.training["kind"] = kind
    return Engine(backend, TOKENIZER)


def counted(rows: list[Row], *parts: Part) -> str:
    pairs = (pair for row in rows for pair in zip(row.ids, row.parts, strict=True))
    return TOKENIZER.decode(token for token, part in pairs if part in parts)


LONG = tuple(f"Turn number {index}, {'and so on, ' * (index % 3)}over." for index in range(16))


@pytest.mark.parametrize("system", [None, "You are a pirate."])
def test_an_answer_is_predicted_from_what_a_chat_would_show_the_model(system: str | None) -> None:
    engine = engine_of(320, LONG[1::2])
    session = ChatSession(ChatSettings(system=system))
    session.use(engine)
    prompts = []
    for text in LONG[::2]:
        reply = session.reply(text)
        assert "".join(token.text for token in reply) == LONG[len(prompts) * 2 + 1]
        prompts.append(reply.prompt.ids)
    messages = talk(*LONG).messages if system is None else (Message("system", system), *talk(*LONG).messages)
    rows = list(document_rows(engine, Conversation(messages)))
    assert 1 < len(rows) < len(LONG) // 2
    for prompt, answer in zip(prompts, LONG[1::2], strict=True):
        ids = prompt + TOKENIZER.encode(answer)
        having = [row for row in rows if row.ids[: len(ids)] == ids]
        assert [set(row.parts[len(prompt) : len(ids)]) for row in having] == [{Part.ASSISTANT}]


def test_a_conversation_that_fits_is_one_row() -> None:
    rows = list(document_rows(engine_of(512), talk("Hi", "Hello!", "Bye", "Bye!")))
    assert len(rows) == 1
    assert counted(rows, Part.USER) == "HiBye"
    assert counted(rows, Part.ASSISTANT) == "Hello!Bye!"


def test_a_message_too_long_for_the_window_counts_in_whole_and_is_answered_from_its_end() -> None:
    engine, long = engine_of(64), "0123456789" * 20
    rows = list(document_rows(engine, talk("Hi", "Hello!", long, "What?")))
    assert counted(rows, Part.USER) == f"Hi{long}"
    assert counted(rows, Part.ASSISTANT) == "Hello!What?"
    session = ChatSession()
    session.use(engine)
    prompt = session.reply(long).prompt
    assert prompt.cut
    assert rows[-1].ids[: len(prompt.ids)] == prompt.ids


texts = st.text("ab c\u20ac\u6f22", max_size=40)
messages = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts)


@given(st.lists(messages, max_size=12), st.integers(2, 90), st.sampled_from(["chat", "text"]))
def test_every_token_of_content_counts_once(talk: list[Message], context: int, kind: str) -> None:
    rows = list(document_rows(engine_of(context, kind=kind), Conversation(tuple(talk))))
    assert all(len(row.ids) == len(row.parts) <= context + 1 for row in rows)
    assert all(row.parts[0] == Part.STRUCTURE for row in rows)
    assert counted(rows, Part.USER, Part.ASSISTANT) == "".join(m.content for m in talk if m.role != "system")
    assert counted(rows, Part.ASSISTANT) == "".join(m.content for m in talk if m.role == "assistant")


@given(st.text("ab c", max_size=300), st.integers(2, 40))
def test_a_token_of_text_has_at_least_half_a_window_before_it(text: str, context: int) -> None:
    rows = list(document_rows(engine_of(context), Text(text)))
    assert counted(rows, Part.TEXT) == text
    for row in rows[1:]:
        assert 2 * row.parts.index(Part.TEXT) >= context


def test_a_model_of_plain_text_reads_a_conversation_as_text() -> None:
    document = talk("Hi", "Hello!")
    rows = list(document_rows(engine_of(512, kind="text"), document))
    assert (
        [TOKENIZER.decode(row.ids) for row in rows] == [plain_text(document.messages)] == ["User: Hi\nAssistant: Hello!\n"]
    )
    assert counted(rows, Part.USER, Part.ASSISTANT) == "HiHello!"
