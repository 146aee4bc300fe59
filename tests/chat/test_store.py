from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.chat.store import ConversationStore, StoredMessage
from tests.chat.history import ANY_TEXT, answer, contents, found, talk, user


def test_everything_known_of_an_answer_comes_back(path: Path) -> None:
    known = StoredMessage(
        "assistant",
        "Hello!",
        stop="end",
        seed=2**63 - 1,
        settings={"temperature": 0.8, "stop": ["###"], "max_tokens": None},
        model="runs/conv/best.pt",
        model_digest="abc",
        tokens=12,
        seconds=0.25,
        created=1.5,
    )
    store = ConversationStore(path)
    conversation = store.create(system="Be kind.")
    store.put(conversation, 0, user("Hi"))
    store.put(conversation, 1, known)
    store.close()
    loaded = ConversationStore(path).load(conversation)
    assert loaded.messages[1] == known
    assert (loaded.system, loaded.title, loaded.parent) == ("Be kind.", "Hi", None)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
@settings(max_examples=50)
def test_any_text_comes_back(content: str, system: str, model: str) -> None:
    store = ConversationStore(None)
    conversation = store.create(system)
    store.put(conversation, 0, StoredMessage("user", content, model=model, settings={"stop": [content]}))
    loaded = store.load(conversation)
    assert (loaded.messages[0].content, loaded.system, loaded.messages[0].model) == (content, system, model)
    assert loaded.messages[0].settings == {"stop": [content]}
    assert len(loaded.title) <= 60


def test_five_thousand_messages_come_back_in_order(path: Path) -> None:
    store = ConversationStore(path)
    said = [f"message {number}" for number in range(5000)]
    conversation = talk(store, *said)
    assert contents(store, conversation) == said
    assert store.list()[0].messages == 5000
    assert found(store, "4711") == [(conversation, 4711)]


def test_only_its_owner_may_read_the_file(path: Path) -> None:
    talk(ConversationStore(path), "Hi")
    if os.name == "posix":
        assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}


def test_put_replaces_and_removes_what_came_after(store: ConversationStore) -> None:
    conversation = talk(store, "one", "two", "three", "four")
    store.put(conversation, 1, answer("other"))
    assert contents(store, conversation) == ["one", "other"]
    store.truncate(conversation, 1)
    assert contents(store, conversation) == ["one"]
    store.truncate(conversation, 5)
    assert contents(store, conversation) == ["one"]


def test_the_first_message_is_the_title_until_one_is_given(store: ConversationStore) -> None:
    conversation = talk(store, "\n  How   are you?\nI am well.")
    assert store.load(conversation).title == "How are you?"
    store.put(conversation, 0, user("x" * 100))
    title = store.load(conversation).title
    assert (len(title), title[-1]) == (60, "…")
    store.rename(conversation, "Mine")
    store.put(conversation, 0, user("again"))
    assert store.list()[0].title == store.load(conversation).title == "Mine"
    store.rename(conversation, "")
    assert store.load(conversation).title == "again"


def test_the_system_prompt_changes_and_goes(store: ConversationStore) -> None:
    conversation = store.create()
    store.set_system(conversation, "Be brief.")
    assert store.load(conversation).system == "Be brief."
    store.set_system(conversation, None)
    assert store.load(conversation).system is None


def test_a_branch_holds_what_came_before_and_knows_its_parent(store: ConversationStore) -> None:
    conversation = store.create("Be kind.")
    for position, content in enumerate(["one", "two", "three"]):
        store.put(conversation, position, user(content))
    branch = store.branch(conversation, 2)
    store.put(branch, 2, user("other"))
    loaded = store.load(branch)
    assert [message.content for message in loaded.messages] == ["one", "two", "other"]
    assert (loaded.system, loaded.parent, loaded.parent_position) == ("Be kind.", conversation, 2)
    assert contents(store, conversation) == ["one", "two", "three"]
    store.delete(conversation)
    assert store.load(branch).parent is None
    assert contents(store, branch) == ["one", "two", "other"]


def test_a_branch_keeps_every_field(store: ConversationStore) -> None:
    conversation = store.create()
    store.put(conversation, 0, answer("a\0b\ud800", stop="end", seed=3, settings={"top_k": 4}, model="m", created=9.0))
    assert store.load(store.branch(conversation, 1)).messages == store.load(conversation).messages


def test_lists_are_newest_first_and_leave_out_the_empty(store: ConversationStore) -> None:
    first, second = talk(store, "first"), talk(store, "second")
    store.create()
    assert [entry.id for entry in store.list()] == [second, first]
    store.put(first, 1, answer("more"))
    assert [(entry.id, entry.messages) for entry in store.list()] == [(first, 2), (second, 1)]
    assert [entry.id for entry in store.list(limit=1, offset=1)] == [second]
    assert store.latest() == first
    store.delete(first)
    store.truncate(second, 0)
    assert (store.list(), store.latest()) == ([], None)


def test_the_id_of_a_deleted_conversation_is_not_used_again(store: ConversationStore) -> None:
    conversation = talk(store, "Hi")
    store.delete(conversation)
    assert store.create() != conversation


def test_places_are_counted_anew_where_a_message_is_missing(store: ConversationStore) -> None:
    conversation = store.create()
    for position in (1, 2, 5):
        store.put(conversation, position, user(f"at {position}"))
    assert contents(store, conversation) == ["at 1", "at 2", "at 5"]
    store.put(conversation, 2, user("new"))
    assert contents(store, conversation) == ["at 1", "at 2", "new"]


@given(st.lists(st.tuples(st.sampled_from(["put", "truncate", "branch"]), st.integers(0, 8), ANY_TEXT), max_size=12))
@settings(max_examples=50)
def test_it_behaves_like_a_list(steps: list[tuple[str, int, str]]) -> None:
    store, model = ConversationStore(None), list[str]()
    conversation = store.create()
    for step, place, text in steps:
        position = min(place, len(model))
        del model[position:]
        if step == "put":
            store.put(conversation, position, user(text))
            model.append(text)
        elif step == "truncate":
            store.truncate(conversation, position)
        else:
            conversation = store.branch(conversation, position)
        assert contents(store, conversation) == model
    words = store._connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    assert words.fetchall() == []


def test_a_branch_of_a_named_conversation_has_its_name_and_of_all_when_no_place_is_given(store: ConversationStore) -> None:
    conversation = talk(store, "one", "two")
    assert store.load(store.branch(conversation)).title == "one"
    store.rename(conversation, "Trip 😀")
    branch = store.load(store.branch(conversation))
    assert (branch.title, branch.parent_position, len(branch.messages)) == ("Trip 😀 (branch)", 2, 2)
    again = store.load(store.branch(branch.id, 1))
    assert (again.title, again.parent, again.parent_position) == ("Trip 😀 (branch)", branch.id, 1)
    assert store.load(store.branch(conversation, 99)).parent_position == 2


def test_lists_tell_of_branches_and_single_prompts(store: ConversationStore) -> None:
    conversation = talk(store, "one", "two")
    store.branch(conversation, 1)
    single = store.create(mode="single")
    store.put(single, 0, user("alone"))
    both = store.branch(single)
    assert [(entry.parent, entry.mode, entry.origin) for entry in store.list()] == [
        (single, "single", f" (single prompt, branch of {single})"),
        (None, "single", " (single prompt)"),
        (conversation, "conversation", f" (branch of {conversation})"),
        (None, "conversation", ""),
    ]
    store.set_mode(both, "conversation")
    assert store.load(both).mode == "conversation"
    assert store.load(single).mode == "single"
