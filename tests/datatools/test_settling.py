"""What is written is read as the same messages, whatever was said."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from picochat.datatools.settling import Tally, clean, settle
from picochat.datatools.writing import as_jsonl, as_text
from picochat.text.chat_format import Message
from picochat.text.corpus import Conversation, read_corpus

WORDS = st.one_of(
    st.text(max_size=30),
    st.text(st.sampled_from("ab \t\n\r\0\x0b\x1c\x85\u2028\ufeff\ud800:<|>"), max_size=12),
    st.sampled_from(
        ["User: no", "a\nAssistant: b", "one\n\ntwo", "<|endoftext|>", "\u200b", "x  \n  y", "System:", "\\u0041"]
    ),
)
OTHERS = st.builds(Message, st.sampled_from(["user", "assistant", "system"]), WORDS)
TALK = st.lists(st.one_of(OTHERS, st.builds(Message, st.just("assistant"), WORDS, st.booleans())), max_size=8)


def said(*turns: tuple[str, str]) -> list[Message]:
    return [Message(role, text) for role, text in turns]  # type: ignore[arg-type]


def reread(name: str, text: str) -> list[tuple[Message, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(text.encode())
        documents = read_corpus(path)
    assert all(isinstance(document, Conversation) for document in documents)
    return [document.messages for document in documents if isinstance(document, Conversation)]


@given(st.lists(TALK, min_size=1, max_size=4))
def test_what_is_written_is_read_as_the_same(talks: list[list[Message]]) -> None:
    settled = [talk for talk in (settle(talk, Tally()) for talk in talks) if talk]
    if not settled:
        return
    assert reread("c.jsonl", "".join(map(as_jsonl, settled))) == settled
    fitting = [(talk, text) for talk in settled if (text := as_text(talk)) is not None]
    if fitting:
        assert reread("c.txt", "".join(text for _, text in fitting)) == [talk for talk, _ in fitting]


@given(TALK)
def test_sides_alternate_and_nothing_gets_lost_uncounted(talk: list[Message]) -> None:
    tally = Tally()
    settled = settle(talk, tally)
    assert all(message.content == clean(message.content) != "" for message in settled)
    roles = [message.role for message in settled]
    assert "system" not in roles[1:]
    turns = [role for role in roles if role != "system"]
    assert turns == ["user", "assistant"] * (len(turns) // 2)
    assert sum(tally.conversations_left_out.values()) == (not settled)
    whole = [clean(message.content) for message in talk]
    assert all(line in "\n".join(whole) for message in settled for line in message.content.split("\n"))


def test_messages_in_a_row_become_one() -> None:
    talk = said(("user", "Hi"), ("user", " there "), ("assistant", "Hello"), ("assistant", ""), ("assistant", "you\r\n"))
    tally = Tally()
    assert settle(talk, tally) == tuple(said(("user", "Hi\nthere"), ("assistant", "Hello\nyou")))
    assert tally.messages_left_out["empty"] == 1


def test_it_begins_with_a_question_and_ends_with_an_answer() -> None:
    tally = Tally()
    talk = said(("system", "Be kind."), ("assistant", "Yes?"), ("user", "Hi"), ("assistant", "Hello"), ("user", "And"))
    assert settle(talk, tally) == tuple(said(("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello")))
    assert tally.messages_left_out == {"before the first question or after the last answer": 2}
    assert not tally.conversations_left_out


def test_why_a_conversation_is_left_out() -> None:
    tally = Tally()
    for talk in (
        [],
        said(("system", "x")),
        said(("user", " ")),
        said(("user", "a"), ("user", "b")),
        said(("assistant", "a")),
    ):
        assert settle(talk, tally) == ()
    assert settle(said(("assistant", "a"), ("user", "b")), tally) == ()
    assert tally.conversations_left_out == {"empty": 3, "one-sided": 2, "without an answer": 1}


def test_text_refuses_what_it_would_change() -> None:
    assert as_text(said(("user", "a"), ("assistant", "b\nc"))) == "User: a\nAssistant: b\nc\n\n"
    assert as_text(said(("user", "a\n\nb"), ("assistant", "c"))) is None
    assert as_text(said(("user", "a"), ("assistant", "b\nUser: c"))) is None
    assert as_text(said(("user", "a"), ("assistant", "User: c"))) == "User: a\nAssistant: User: c\n\n"
    assert as_text(said(("user", "a " * 200_000), ("assistant", "c"))) is None
    assert as_text([Message("user", "a"), Message("assistant", "b", learnt=False)]) is None


def test_lines_of_one_side_are_learnt_together_or_not_at_all() -> None:
    talk = [Message("user", "a"), Message("assistant", "b"), Message("assistant", "c", learnt=False)]
    assert settle(talk, Tally()) == (Message("user", "a"), Message("assistant", "b\nc", learnt=False))
