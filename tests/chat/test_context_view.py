from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.chat.context_view import ContextView, context_view, describe_context
from picochat.chat.conversation import Conversation
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.errors import PicochatError
from picochat.inference.engine import Engine
from picochat.text.chat_format import ChatFormat, Part
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text
from tests.fakes import ScriptedBackend, scripted_session

BPE = Tokenizer.train([chat_text()], "bpe", 400)


def ids(view: ContextView) -> list[int]:
    return [piece.id for piece in view.seen]


def titles(view: ContextView, *, fallen: bool = False) -> list[str]:
    return [block.title for block in view.blocks if block.fallen == fallen]


def text_of(view: ContextView, title: str) -> str:
    return "".join(piece.text for block in view.blocks if block.title == title for piece in block.pieces)


def plain_session(replies: list[str], *, context: int) -> ChatSession:
    session = scripted_session(replies, context=context, ends=False)
    session.require_engine().info.training["kind"] = "text"
    assert not session.require_engine().info.chats
    return session


# -- the sections of a prompt -------------------------------------------------------------------------------------------


@given(
    st.lists(st.text(max_size=60), min_size=1, max_size=8),
    st.integers(1, 200),
    st.integers(0, 300),
    st.none() | st.text(min_size=1, max_size=40),
)
def test_sections_and_what_fell_off_are_the_whole_conversation(
    messages: list[str], context: int, reserve: int, system: str | None
) -> None:
    conversation = Conversation(system=system)
    for index, message in enumerate(messages):
        conversation.add("user", message)
        if index < len(messages) - 1:
            conversation.add("assistant", message[::-1])
    prompt = conversation.prompt(ChatFormat(BPE), context, min(reserve, context - 1))
    assert [token for section in prompt.sections for token in section.tokens.ids] == prompt.ids
    sections = [*prompt.fallen, *prompt.sections]
    for entry in conversation.entries:
        its = [section.tokens for section in sections if section.entry is entry]
        parts = [pair for tokens in its for pair in zip(tokens.ids, tokens.parts, strict=True)]
        assert [token for token, part in parts if part != Part.STRUCTURE and token != BPE.im_end] == entry.ids
    dropped = conversation.entries[: prompt.dropped]
    assert all(any(section.entry is entry for section in prompt.fallen) for entry in dropped)
    assert not any(section.entry is entry for entry in dropped for section in prompt.sections)


# -- before an answer ---------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=80), st.text(max_size=40)), max_size=5),
    st.text(max_size=200),
    st.integers(4, 200),
    st.none() | st.text(min_size=1, max_size=60),
    st.sampled_from(["conversation", "single"]),
    st.none() | st.integers(1, 50),
)
def test_the_view_holds_exactly_what_the_model_gets(
    turns: list[tuple[str, str]], draft: str, context: int, system: str | None, mode: str, limit: int | None
) -> None:
    session = ChatSession(ChatSettings(system=system, mode=mode, max_tokens=limit, temperature=0))
    session.use(Engine(ScriptedBackend([reply for _, reply in turns], BPE, context=context), BPE))
    engine = session.require_engine()
    for text, _ in turns:
        list(session.reply(text))
        view = context_view(session)
        assert ids(view) == engine.cached_ids
        assert view.state == "read"
    before = session.conversation.dropped, len(session.conversation.entries), engine.cached_ids
    view, empty = context_view(session, draft), context_view(session)
    assert (session.conversation.dropped, len(session.conversation.entries), engine.cached_ids) == before
    for each in (view, empty):
        assert sum(each.shares.values()) == context
    reply = session.reply(draft)
    if draft or not turns:
        assert ids(view) == reply.prompt.ids
        assert view.reserve + len(ids(view)) <= context
    next(iter(reply))
    assert ids(context_view(session)) == engine.cached_ids


def test_before_the_first_answer_it_shows_what_would_be_sent() -> None:
    session = scripted_session(["Hello"], ChatSettings(system="Be kind."))
    view = context_view(session)
    assert view.state == "next"
    assert titles(view) == ["document mark", "system prompt", "your next message goes here", "picochat, turn 1"]
    assert text_of(view, "system prompt") == "<|im_start|>system\nBe kind.<|im_end|>\n"
    assert text_of(context_view(session, "Hi"), "you, turn 1") == "<|im_start|>user\nHi<|im_end|>\n"
    assert "Not read yet" in view.summary()


def test_an_answer_about_to_be_read_is_told_from_one_that_was() -> None:
    session = scripted_session(["Hello", "Fine"])
    reply = session.reply("Hi")
    assert context_view(session).state == "waiting"
    assert ids(context_view(session)) == reply.prompt.ids
    list(islice(reply, 3))
    view = context_view(session)
    assert view.state == "read"
    assert text_of(view, "picochat, turn 1").endswith("assistant\nHe")


def test_there_is_nothing_to_see_without_a_model() -> None:
    with pytest.raises(PicochatError, match="No model"):
        context_view(ChatSession())


# -- after answers ------------------------------------------------------------------------------------------------------


def test_each_token_has_its_message_and_answers_their_probabilities() -> None:
    session = scripted_session(["One", "Two"], ChatSettings(system="Be kind."))
    for text in ("A", "B"):
        list(session.reply(text))
    view = context_view(session)
    assert titles(view) == [
        "document mark",
        "system prompt",
        "you, turn 1",
        "picochat, turn 1",
        "you, turn 2",
        "picochat, turn 2",
    ]
    for title, answer in (("picochat, turn 1", "One"), ("picochat, turn 2", "Two")):
        (block,) = [block for block in view.blocks if block.title == title]
        sure = [piece.text for piece in block.pieces if piece.probability is not None and piece.probability > 0.99]
        assert "".join(sure).removesuffix("<|im_end|>") == answer
    assert all(piece.probability is None for block in view.blocks if block.speaker != "picochat" for piece in block.pieces)
    assert not any(block.cut for block in view.blocks)
    assert [piece.text for piece in view.seen if piece.special][:2] == ["<|endoftext|>", "<|im_start|>"]


def test_markers_that_a_user_typed_are_no_special_tokens() -> None:
    session = scripted_session(["Hello"])
    list(session.reply("<|im_end|>"))
    (block,) = [block for block in context_view(session).blocks if block.title == "you, turn 1"]
    assert [piece.text for piece in block.pieces if piece.special] == ["<|im_start|>", "<|im_end|>"]
    assert len(block.pieces) == len("_user__") + len("<|im_end|>") + 1


def test_whole_turns_that_fell_off_stand_first() -> None:
    session = scripted_session(["One", "Two", "Three"], context=80)
    for text in ("first message", "second message", "third message"):
        list(session.reply(text))
    view = context_view(session)
    assert titles(view, fallen=True) == ["you, turn 1", "picochat, turn 1", "you, turn 2", "picochat, turn 2"]
    assert titles(view) == ["document mark", "you, turn 3", "picochat, turn 3"]
    assert [block.fallen for block in view.blocks] == [True] * 4 + [False] * 3
    assert "first message" in text_of(view, "you, turn 1")
    assert f"Fell off: {sum(len(block.pieces) for block in view.blocks[:4])} tokens." in view.summary()


def test_of_a_message_too_long_the_beginning_falls_off() -> None:
    session = scripted_session(["One"], context=60)
    list(session.reply("beginning " + "x" * 60 + " end"))
    view = context_view(session)
    gone, kept = [block for block in view.blocks if block.title == "you, turn 1"]
    assert (gone.fallen, gone.cut, kept.fallen, kept.cut) == (True, True, False, True)
    assert "".join(piece.text for piece in gone.pieces).startswith("beginning")
    assert "".join(piece.text for piece in kept.pieces).endswith(" end<|im_end|>\n")


def test_of_a_system_prompt_too_long_the_end_falls_off() -> None:
    session = scripted_session(["One"], ChatSettings(system="rule " * 20), context=80)
    view = context_view(session)
    gone, kept = [block for block in view.blocks if block.title == "system prompt"]
    assert gone.fallen and not kept.fallen
    assert len(gone.pieces) + len(kept.pieces) == 100 + len("_system__") + 1


def test_a_chat_that_has_gone_on_shows_what_is_next() -> None:
    session = scripted_session(["One", "Two", "Three"])
    for text in ("A", "B"):
        list(session.reply(text))
    session.undo()
    view = context_view(session)
    assert view.state == "next"
    assert titles(view)[1:] == ["you, turn 1", "picochat, turn 1", "your next message goes here", "picochat, turn 2"]
    list(session.reply("B"))
    assert context_view(session).state == "read"
    session.change("system", "Be kind.")
    assert context_view(session).state == "next"
    assert "Be kind." in text_of(context_view(session), "system prompt")
    session.reset()
    assert titles(context_view(session))[-1] == "picochat, turn 1"


def test_another_answer_takes_the_place_of_the_first() -> None:
    session = scripted_session(["One", "Two"])
    list(session.reply("A"))
    list(session.regenerate())
    view = context_view(session)
    assert view.state == "read"
    assert text_of(view, "picochat, turn 1") == "<|im_start|>assistant\nTwo"


def test_a_continued_answer_is_one_and_known_from_its_first_token() -> None:
    session = scripted_session(["One", " and more"], ChatSettings(max_tokens=2))
    list(session.reply("A"))
    list(session.resume())
    view = context_view(session)
    assert ids(view) == session.require_engine().cached_ids
    (block,) = [block for block in view.blocks if block.title == "picochat, turn 1"]
    answer = [piece for piece in block.pieces if piece.part == Part.ASSISTANT]
    assert "".join(piece.text for piece in answer) == "On "
    assert all(piece.probability is not None for piece in answer)


def test_a_continued_answer_longer_than_half_of_the_window_begins_later() -> None:
    session = scripted_session(["abcdefghij" * 5, "xyz"], ChatSettings(max_tokens=45), context=80)
    list(session.reply("A"))
    list(session.resume())
    view = context_view(session)
    assert ids(view) == session.require_engine().cached_ids
    assert view.state == "read"
    assert "xy" in text_of(view, "picochat, turn 1")


def test_another_model_has_read_nothing() -> None:
    session = scripted_session(["One"])
    list(session.reply("A"))
    session.use(Engine(ScriptedBackend([], BPE), BPE))
    view = context_view(session)
    assert view.state == "next"
    assert text_of(view, "picochat, turn 1") == "<|im_start|>assistant\nOne<|im_end|>\n"
    assert all(piece.probability is None for piece in view.seen)


def test_single_prompts_stand_alone() -> None:
    session = scripted_session(["One", "Two"], ChatSettings(mode="single"))
    for text in ("A", "B"):
        list(session.reply(text))
    assert titles(context_view(session)) == ["document mark", "you, turn 1", "picochat, turn 1"]
    assert "B" in text_of(context_view(session), "you, turn 1")
    session.change("mode", "conversation")
    assert context_view(session).state == "next"


def test_a_plain_text_slides_out_of_the_window() -> None:
    session = plain_session(["abcdefghijklmnopqrstuvwxyz"], context=20)
    assert titles(context_view(session)) == ["document mark"]
    assert titles(context_view(session, "Once")) == ["document mark", "you"]
    session.settings = session.settings.changed(max_tokens=24)
    list(session.reply("Once"))
    view = context_view(session)
    assert ids(view) == session.require_engine().cached_ids
    assert titles(view, fallen=True)[:2] == ["document mark", "you"]
    assert text_of(view, "picochat").startswith("abcdefghijklmno")
    assert view.reserve == 0


def test_a_plain_prompt_longer_than_the_window_is_read_from_its_end() -> None:
    session = plain_session(["abc"], context=20)
    view = context_view(session, "x" * 30 + "end")
    session.settings = session.settings.changed(max_tokens=1)
    list(session.reply("x" * 30 + "end"))
    assert ids(view) == session.require_engine().cached_ids
    assert ids(context_view(session)) == session.require_engine().cached_ids
    assert any(block.fallen and block.cut for block in view.blocks)


# -- as lines -----------------------------------------------------------------------------------------------------------


def test_the_lines_give_figures_headings_and_borders() -> None:
    session = scripted_session(["Hello [b]", "Fine"], ChatSettings(system="Be kind."), context=90)
    list(session.reply("Hi\nyou"))
    lines = describe_context(context_view(session)).splitlines()
    assert lines[0] == "The model has read 53 of 90 tokens. A prompt leaves 22 free for the answer."
    assert lines[1] == "mark 1 | system 18 | you 14 | picochat 20 | free 37"
    assert "[you, turn 1: 14 tokens]" in lines
    assert "H│i│⏎" in lines
    list(session.reply("And now?"))
    assert "[you, turn 1, fell off: 14 tokens]" in describe_context(context_view(session)).splitlines()
