from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from picochat.chat.comparison import Column, compare, tell
from picochat.chat.recorder import Recorder
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.chat.store import ConversationStore
from picochat.errors import CheckpointError, DeviceError, PicochatError
from picochat.inference.engine import Engine
from tests.chat.comparing import ask, draw, other_models, said, scripted
from tests.evaluation.tiny import tiny_engine
from tests.fakes import scripted_session
from tests.inference.tiny import counted


def test_columns_are_drawn_and_change_nothing() -> None:
    session = scripted_session(["Hello", "Cold", "Hot"])
    ask(session, "Hi")
    before, entries, last = said(session), list(session.conversation.entries), session.last
    columns = draw(compare(session, "temperature=0.2 temperature=1.5"))
    assert [column.text for column in columns] == ["Hello", "Cold", "Hot"]
    assert [column.label for column in columns] == ["kept", "temperature=0.2", "temperature=1.5"]
    assert [column.state for column in columns] == ["done"] * 3
    assert said(session) == before
    assert session.conversation.entries == entries
    assert session.last is last
    assert session.settings == ChatSettings()


def test_only_what_a_variant_names_differs() -> None:
    session = scripted_session(["Hello", "A", "B", "C"], ChatSettings(temperature=0.7, top_p=0.9))
    ask(session, "Hi")
    assert session.last is not None
    _, hot, seeded, new = draw(compare(session, "temperature=1.5 seed=7 seed=auto"))
    assert hot.reply is not None and seeded.reply is not None and new.reply is not None
    assert hot.reply.seed == session.last.seed
    assert (hot.reply.settings.temperature, hot.reply.settings.top_p) == (1.5, 0.9)
    assert (seeded.reply.seed, seeded.reply.settings.temperature) == (7, 0.7)
    assert new.reply.seed != session.last.seed
    assert hot.reply.prompt.ids == session.last.prompt.ids


def test_a_column_alone_reads_the_prompt_from_the_cache() -> None:
    session = scripted_session(["Hello", "A"])
    ask(session, "Hi")
    draw(compare(session, "seed=1"))
    assert scripted(session).prefills[1:] == [1]
    assert not scripted(session).opened


def test_one_pass_moves_all_columns_on_and_who_has_ended_takes_no_part() -> None:
    session = scripted_session(["Hello", "ab", "abcdef", "abc"])
    ask(session, "Hi")
    comparison = compare(session, "seed=1 seed=2 seed=3")
    order = [column.number for column, token in comparison.run() if token is not None]
    assert order == [2, 3, 4] * 3 + [3, 4] + [3] * 3
    backend = scripted(session)
    assert backend.opened[0].passes == [3, 3, 3, 2, 1, 1, 1]
    # the prompt is read once for all, but for its last token
    assert backend.prefills[1:] == [backend.prefills[0] - 1]
    assert [column.text for column in comparison.drawn] == ["ab", "abcdef", "abc"]


def test_an_end_is_told_when_it_comes() -> None:
    session = scripted_session(["Hello", "a", "abc"])
    ask(session, "Hi")
    comparison = compare(session, "seed=1 seed=2")
    states = [(column.number, column.state) for column, token in comparison.run() if token is None]
    assert states == [(2, "answering"), (3, "answering"), (2, "done"), (3, "done")]
    assert not comparison.busy


VARIANTS = [
    *("seed=1,temperature=1.5,top_k=0", "seed=2,max_tokens=7", "temperature=0", "seed=3,repetition_penalty=1.3,top_p=0.8"),
    *("seed=4,temperature=1.2,stop=e", "seed=1,temperature=1.5,top_k=0"),
]


def drawn_both_ways(session: ChatSession) -> tuple[list[Column], list[Column]]:
    """The variants side by side, and each of them alone."""
    together = draw(compare(session, " ".join(VARIANTS)))[1:]
    return together, [draw(compare(session, variant))[1] for variant in VARIANTS]


def facts(column: Column) -> tuple[Any, ...]:
    assert column.reply is not None
    return column.state, column.text, column.reply.ids, column.reply.stop, column.reply.settings, column.reply.prompt.ids


def tiny_session() -> ChatSession:
    session = ChatSession(ChatSettings(seed=5, max_tokens=20, temperature=0.3, best_of=1))
    session.use(tiny_engine(context=256))
    return session


def test_each_text_is_what_it_is_alone() -> None:
    session = tiny_session()
    counting = counted(session.require_engine())
    ask(session, "Hi, I'm Ada.")
    together, alone = drawn_both_ways(session)
    assert [facts(column) for column in together] == [facts(column) for column in alone]
    lengths = [column.reply.count for column in together if column.reply is not None]
    assert len(set(lengths)) > 2  # they end at different times
    steps = [count for kind, count in counting.opened.passes if kind == "step"]
    assert len(steps) == max(lengths)
    assert sum(steps) == sum(lengths)


def test_where_a_draft_guesses_or_memory_lacks_they_are_drawn_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    session = tiny_session()
    ask(session, "Hi")
    plain, _ = drawn_both_ways(session)

    def refuse(count: int) -> None:
        raise DeviceError(f"no memory for {count}")

    monkeypatch.setattr(session.require_engine().backend, "lanes", refuse)
    assert [facts(column) for column in drawn_both_ways(session)[0]] == [facts(column) for column in plain]
    session.require_engine().use_draft(tiny_engine(context=256, seed=4))
    together, alone = drawn_both_ways(session)
    assert [facts(column) for column in together] == [facts(column) for column in alone]
    comparison = compare(session, "seed=1 seed=2")
    first, second = comparison.drawn
    assert {second.state for column, _ in comparison.run() if column is first} == {"waiting"}


def test_the_variants_of_another_model_are_drawn_with_one_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    session = scripted_session(["Hello", "Own", "Mine"])
    ask(session, "Hi")
    opened = other_models(monkeypatch, session, {"b.pt": ["Other", "Or"]})
    comparison = compare(session, "seed=1 model=b.pt,seed=1 seed=2 model=b.pt,seed=2")
    seen: list[tuple[int, str]] = []
    for column, token in comparison.run():
        if token is None and column.state == "loading":
            # the chat's own model is free by now
            assert not comparison.busy
        seen.append((column.number, column.state))
    assert [column.text for column in comparison.drawn] == ["Own", "Other", "Mine", "Or"]
    assert [state for number, state in dict.fromkeys(seen) if number == 5] == ["loading", "answering", "done"]
    assert max(place for place, (number, _) in enumerate(seen) if number in (2, 4)) < min(
        place for place, (number, _) in enumerate(seen) if number in (3, 5)
    )
    (engine,) = opened
    assert engine.backend.opened[0].passes == [2, 2, 2, 1, 1, 1]  # type: ignore[attr-defined]


def test_a_model_that_breaks_off_leaves_what_had_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    session = scripted_session(["Hello", "a", "abcdef"])
    ask(session, "Hi")
    comparison = compare(session, "seed=1 seed=2")
    records = comparison.run()
    while not comparison.columns[1].ended:
        next(records)

    def broken(tokens: Mapping[int, int]) -> None:
        raise CheckpointError("scripted.pt is damaged.")

    monkeypatch.setattr(scripted(session).opened[0], "step", broken)
    assert [(column.number, token) for column, token in records if token is None] == [(3, None)]
    _, whole, part = comparison.columns
    assert (whole.state, whole.text, whole.problem) == ("done", "a", "")
    assert (part.state, part.text, part.problem) == ("failed", "ab", "scripted.pt is damaged.")


def test_the_window_is_counted_anew_when_a_column_is_kept() -> None:
    session = scripted_session(["Hello", "Hello and much more than that", "b"])
    ask(session, "Hi")
    before = session.context_used
    comparison = compare(session, "seed=1 seed=2")
    longer = draw(comparison)[1]
    assert session.context_used == before
    comparison.keep(longer)
    assert session.context_used >= before + len("Hello and much more than that") - len("Hello")


def test_a_column_takes_the_last_answers_place_and_the_next_turn_sees_it() -> None:
    session = scripted_session(["Hello", "Howdy", "Fine"])
    ask(session, "Hi")
    comparison = compare(session, "seed=7")
    column = draw(comparison)[1]
    assert comparison.keep(column) is None
    assert said(session) == ["Hi", "Howdy"]
    entry = session.conversation.entries[-1]
    assert (entry.seed, entry.stop) == (7, "end")
    assert session.require_engine().tokenizer.decode(entry.ids or []) == "Howdy"
    assert session.tokens_of() == entry.tokens
    ask(session, "How are you?")
    assert session.last is not None
    seen = "".join(map(session.require_engine().tokenizer.piece, session.last.prompt.ids))
    assert "Howdy" in seen
    assert "Hello" not in seen


def test_the_answer_that_was_there_can_be_chosen_too() -> None:
    session = scripted_session(["Hello", "Howdy"])
    ask(session, "Hi")
    comparison = compare(session)
    draw(comparison)
    entry = session.conversation.entries[-1]
    comparison.keep(comparison.columns[0])
    assert session.conversation.entries[-1] is entry


def test_what_is_kept_is_saved_and_what_it_replaced_stays_in_a_branch() -> None:
    session = scripted_session(["Hello", "Howdy"], ChatSettings(temperature=0.7))
    store = ConversationStore(None)
    session.recorder = Recorder(store)
    ask(session, "Hi")
    comparison = compare(session, "temperature=1.5,seed=7")
    branch = comparison.keep(draw(comparison)[1])
    saved = store.load(session.recorder.require_current()).messages
    assert [message.content for message in saved] == ["Hi", "Howdy"]
    assert (saved[1].seed, saved[1].settings["temperature"], saved[1].tokens, saved[1].stop) == (7, 1.5, 6, "end")
    assert branch is not None
    assert [message.content for message in store.load(branch).messages] == ["Hi", "Hello"]
    assert store.load(branch).parent == session.recorder.current
    assert store.latest() == session.recorder.current


def test_the_same_text_again_makes_no_branch_and_is_told_as_such() -> None:
    session = scripted_session(["Hello", "Hello"])
    session.recorder = Recorder(ConversationStore(None))
    ask(session, "Hi")
    comparison = compare(session)
    column = draw(comparison)[1]
    assert "the same text as 1" in column.status
    assert comparison.keep(column) is None


def test_stopping_ends_all_and_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    session = scripted_session(["Hello", "Howdy there", "Good day"])
    ask(session, "Hi")
    opened = other_models(monkeypatch, session, {"b.pt": ["Never"]})
    comparison = compare(session, "seed=1 seed=2 model=b.pt")
    first, second, never = comparison.drawn
    said_so_far: list[object] = []
    for column, token in comparison.run(lambda: len(said_so_far) >= 10):
        assert comparison.busy or column is second or column is never
        if token is not None:
            said_so_far.append(token)
    assert not comparison.busy
    assert not opened
    assert (first.text, second.text, never.text) == ("Howdy", "Good ", "")
    assert (first.state, second.state, never.state) == ("done", "done", "stopped")
    assert "stopped" in first.status and "stopped" in second.status
    assert said(session) == ["Hi", "Hello"]
    with pytest.raises(PicochatError, match="Column 4 has no answer"):
        comparison.keep(never)
    comparison.keep(first)
    assert said(session) == ["Hi", "Howdy"]


def test_an_empty_answer_and_one_that_never_began_cannot_be_kept() -> None:
    session = scripted_session(["Hello", "", "x"])
    ask(session, "Hi")
    comparison, unbegun = compare(session, "seed=1 seed=2"), compare(session, "seed=1 seed=2")
    empty = draw(comparison)[1]
    stopped = draw(unbegun, lambda: True)[1]
    assert (empty.state, stopped.state) == ("done", "stopped")
    for each, column in ((comparison, empty), (unbegun, stopped)):
        with pytest.raises(PicochatError):
            each.keep(column)
    assert said(session) == ["Hi", "Hello"]


def test_nothing_is_kept_once_the_conversation_has_gone_on() -> None:
    session = scripted_session(["Hello", "Howdy", "Fine"])
    session.recorder = Recorder(ConversationStore(None))
    ask(session, "Hi")
    comparison = compare(session)
    column = draw(comparison)[1]
    ask(session, "More")
    with pytest.raises(PicochatError, match="gone on"):
        comparison.keep(column)
    assert said(session) == ["Hi", "Hello", "More", "Fine"]
    assert len(session.recorder.store.list()) == 1


def test_another_model_answers_its_column_and_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    session = scripted_session(["Hello", "Own"])
    ask(session, "Hi")
    opened = other_models(monkeypatch, session, {"b.pt": ["Other"]})
    comparison = compare(session, "model=missing.pt model=b.pt seed=3")
    _, missing, other, own = draw(comparison)
    assert (missing.state, missing.problem) == ("failed", "There is no model at missing.pt.")
    assert (other.text, own.text) == ("Other", "Own")
    engine = weakref.ref(opened.pop())
    gc.collect()
    assert engine() is None
    comparison.keep(other)
    entry = session.conversation.entries[-1]
    assert (entry.message.content, entry.ids, entry.tokens) == ("Other", None, [])
    assert session.last is other.reply


def test_any_failure_is_told_by_its_column_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    session = scripted_session(["Hello", "Own"])
    ask(session, "Hi")

    def exhausted(_: Path) -> Engine:
        raise MemoryError("no room")

    monkeypatch.setattr(session, "open", exhausted)
    _, broken, own = draw(compare(session, "model=b.pt seed=3"))
    assert "MemoryError: no room" in broken.problem
    assert own.text == "Own"


def test_a_model_taken_meanwhile_does_not_disturb_and_the_kept_text_is_encoded_anew() -> None:
    session = scripted_session(["Hello", "Howdy"])
    ask(session, "Hi")
    comparison = compare(session, "seed=1")
    new = scripted_session(["Next"]).require_engine()
    session.use(new)
    column = draw(comparison)[1]
    assert column.text == "Howdy"
    assert [entry.ids for entry in session.conversation.entries] == [None, None]
    comparison.keep(column)
    assert session.conversation.entries[-1].ids is None
    assert ask(session, "More") == "Next"


def test_a_window_that_is_nearly_full_is_fitted_in_a_copy() -> None:
    session = scripted_session(["one " * 8, "two " * 8, "three"], context=128)
    ask(session, "A" * 20)
    ask(session, "B" * 20)
    dropped = session.conversation.dropped
    column = draw(compare(session, "max_tokens=120"))[1]
    assert column.text == "three"
    assert session.conversation.dropped == dropped
    assert column.reply is not None


def test_single_prompts_are_compared_alone() -> None:
    session = scripted_session(["One", "Two", "Three"], ChatSettings(mode="single"))
    ask(session, "Hi")
    comparison = compare(session, "seed=1")
    there, column = draw(comparison)
    assert (there.text, column.text) == ("One", "Two")
    assert "seed" in there.status
    comparison.keep(column)
    assert session.last is column.reply
    assert session.conversation.entries == []


def test_there_must_be_an_answer_and_a_model() -> None:
    with pytest.raises(PicochatError, match="no answer to answer anew"):
        compare(scripted_session([]))
    with pytest.raises(PicochatError, match="No model is loaded"):
        compare(ChatSession())


def test_plain_lines_tell_each_answer_and_how_to_keep_one(monkeypatch: pytest.MonkeyPatch) -> None:
    session = scripted_session(["Hello", "Cold"])
    ask(session, "Hi")
    other_models(monkeypatch, session, {})
    notes: list[str] = []
    written: list[str] = []
    comparison = compare(session, "temperature=0.2 model=missing.pt")
    tell(comparison, notes.append, written.append)
    assert "".join(written) == "Hello\nCold\n"
    assert [note for note in notes if note.startswith("[")] == ["[1] kept", "[2] temperature=0.2", "[3] missing.pt"]
    assert "There is no model at missing.pt." in notes
    assert notes[-1] == "/keep 2 lets that answer take the place of 1."
    assert comparison.column(" 2 ").text == "Cold"
    for wrong in ("", "0", "4", "²", "two", "9" * 5000):
        with pytest.raises(PicochatError, match="from 1 to 3"):
            comparison.column(wrong)


def test_plain_lines_of_columns_side_by_side_come_in_order() -> None:
    session = scripted_session(["Hello", "Long enough", "Short", "A bit longer than that"])
    ask(session, "Hi")
    lines: list[str] = []
    tell(compare(session, "seed=1 seed=2 seed=3"), lambda note: lines.append(f"{note}\n"), lines.append)
    told = "".join(lines).splitlines()
    assert [line for line in told if line[0] not in "(/"] == [
        *("[1] kept", "Hello", "[2] seed=1", "Long enough", "[3] seed=2", "Short"),
        *("[4] seed=3", "A bit longer than that"),
    ]
    assert scripted(session).opened[0].passes[0] == 3
    # the first of them is written as it comes
    assert [line for line in lines if len(line) == 1][:4] == ["\n", *"Lon"]


def test_a_real_model_says_the_same_with_the_same_seed(chat_model: Path) -> None:
    session = ChatSession(ChatSettings(temperature=1.5, top_k=0, best_of=1), device="cpu", precision="fp32")
    session.load(chat_model)
    ask(session, "Hi, I'm Ada.")
    comparison = compare(session, f"temperature=1.5 seed=1 seed=1 seed=2 model={chat_model} temperature=0")
    there, again, one, same, two, loaded, greedy = draw(comparison)
    assert there.text == again.text == loaded.text
    assert one.text == same.text
    assert len({there.text, one.text, two.text, greedy.text}) > 1
    assert greedy.text.startswith("Hello")
    comparison.keep(greedy)
    ask(session, "I like soup.")
    assert session.last is not None
    tokenizer = session.require_engine().tokenizer
    assert greedy.text in "".join(map(tokenizer.piece, session.last.prompt.ids))
