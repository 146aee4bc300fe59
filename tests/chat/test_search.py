from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.chat.store import ConversationStore
from tests.chat.history import ANY_TEXT, answer, found, talk, user


def test_all_words_must_occur_whatever_their_case_accents_and_order(store: ConversationStore) -> None:
    conversation = talk(store, "The café by the river", "A river of Coffee")
    assert found(store, "CAFE river") == [(conversation, 0)]
    assert found(store, "river") == [(conversation, 1), (conversation, 0)]
    assert found(store, "café coffee") == []
    assert found(store, "") == found(store, " \0\n") == []
    assert len(store.search("river", limit=1)) == 1


def test_the_last_word_may_be_a_beginning(store: ConversationStore) -> None:
    talk(store, "The river runs")
    assert len(found(store, "river ru")) == 1
    assert found(store, "ru river") == found(store, "riv ") == []


def test_operators_are_words(store: ConversationStore) -> None:
    talk(store, "this or that", "near and not far*")
    assert len(found(store, "this OR")) == 1
    assert found(store, "this OR elephant") == []
    assert len(found(store, "NOT far")) == 1
    assert len(found(store, "near and")) == 1


@pytest.mark.parametrize("query", ["世界", "😀", "++", "สวัสดี", "*", '"'])
def test_scripts_without_spaces_and_signs_are_found(store: ConversationStore, query: str) -> None:
    conversation = talk(store, f'C++ *is* 你好世界 so😀 ผมสวัสดีครับ {"far " * 50}"end', "other")
    (hit,) = store.search(query)
    assert hit.conversation == conversation
    ((start, end),) = hit.marks
    assert hit.snippet[start:end] == query


def test_a_hit_shows_the_text_around_it(store: ConversationStore) -> None:
    conversation = talk(store, "title", f"{'before ' * 50}\nthe Needle here\n{'after ' * 50}")
    (hit,) = store.search("needle")
    assert (hit.conversation, hit.position, hit.role, hit.title) == (conversation, 1, "assistant", "title")
    assert "the Needle here" in hit.snippet
    assert "\n" not in hit.snippet
    assert len(hit.snippet) <= 200
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["Needle"]


@given(ANY_TEXT, ANY_TEXT)
@settings(max_examples=100)
def test_any_search_is_safe(content: str, query: str) -> None:
    store = ConversationStore(None)
    talk(store, content, 'word NEAR (x) "y" *')
    for hit in store.search(query) + store.search(content):
        assert all(0 <= start <= end <= len(hit.snippet) for start, end in hit.marks)


@pytest.mark.parametrize(
    "query",
    [
        "NEAR(",
        "a NEAR/2 b",
        '"',
        '""',
        "*",
        "a*",
        "(",
        "content:x",
        "-x",
        "^x",
        "{x}",
        "a AND",
        "OR",
        "\\",
        "x" * 10**6,
        " ".join(map(str, range(5000))),
    ],
    ids=lambda query: query[:12].encode("ascii", "replace").decode(),
)
def test_no_search_is_too_strange(store: ConversationStore, query: str) -> None:
    talk(store, "something else")
    assert store.search(query) == []


@given(st.text(st.sampled_from("abcXYZäß 你好😀.-'\"*"), min_size=1))
@settings(max_examples=100)
def test_every_word_of_a_message_finds_it(content: str) -> None:
    store = ConversationStore(None)
    conversation = talk(store, content)
    for word in content.split():
        assert found(store, word) == [(conversation, 0)]
    assert bool(found(store, content)) == bool(content.split())


def test_search_follows_replacing_and_deleting(store: ConversationStore) -> None:
    kept, conversation = talk(store, "river"), talk(store, "river", "bridge")
    store.put(conversation, 0, user("road"))
    assert found(store, "river") == [(kept, 0)]
    assert found(store, "bridge") == []
    assert found(store, "road") == [(conversation, 0)]
    store.truncate(conversation, 0)
    assert found(store, "road") == []
    store.delete(kept)
    assert found(store, "river") == []


def conversations(store: ConversationStore, query: str, limit: int = 50, offset: int = 0) -> list[int]:
    return [row.summary.id for row in store.find(query, limit, offset)]


def test_conversations_are_found_by_name_and_by_what_was_said_once_each(store: ConversationStore) -> None:
    said = talk(store, "The river runs", "A river, yes", "river")
    named = talk(store, "nothing of it", "no")
    store.rename(named, "The River [trip]")
    both = talk(store, "river")
    store.rename(both, "river")
    talk(store, "other")
    assert conversations(store, "RIVER") == [both, named, said]
    assert conversations(store, "riv") == [both, named, said]
    assert conversations(store, "trip") == [named]
    assert conversations(store, "zebra") == []
    store.put(said, 3, answer("more"))
    assert conversations(store, "river") == [said, both, named]
    assert conversations(store, "river", limit=1, offset=1) == [both]


def test_a_conversation_found_shows_its_newest_hit_and_one_found_by_name_none(store: ConversationStore) -> None:
    talk(store, "A needle first", "then the Needle again", "and no more")
    (row,) = store.find("needle")
    assert "then the Needle again" in row.snippet
    assert [row.snippet[start:end] for start, end in row.marks] == ["Needle"]
    assert (row.summary.messages, row.summary.title) == (3, "A needle first")
    named = talk(store, "straw")
    store.rename(named, "Haystack")
    assert [row.snippet for row in store.find("hay")] == [""]


def test_names_are_searched_as_they_are_now(store: ConversationStore) -> None:
    conversation = talk(store, "one")
    store.rename(conversation, "Bridge")
    store.rename(conversation, "Tunnel")
    assert conversations(store, "bridge") == []
    assert conversations(store, "tunnel") == [conversation]
    branch = store.branch(conversation)
    assert conversations(store, "tunnel") == [branch, conversation]
    store.delete(conversation)
    assert conversations(store, "tunnel") == [branch]


def test_an_empty_search_finds_all_page_by_page(store: ConversationStore) -> None:
    store.create("empty ones are in no list")
    made = [talk(store, f"number {number}") for number in range(7)]
    assert conversations(store, "") == conversations(store, " \0") == made[::-1]
    assert conversations(store, "", 3, 3) == made[3:0:-1]
    assert conversations(store, "number", 3, 6) == made[:1]


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
@settings(max_examples=100)
def test_any_search_for_conversations_is_safe(content: str, title: str, query: str) -> None:
    store = ConversationStore(None)
    conversation = talk(store, content, 'word NEAR (x) "y" *')
    store.rename(conversation, title)
    for text in (content, title, query):
        for row in store.find(text):
            assert row.summary.id == conversation
            assert all(0 <= start <= end <= len(row.snippet) for start, end in row.marks)


@pytest.mark.parametrize("query", ["世界", "😀", "++", "river 世界"])
def test_conversations_are_found_by_scripts_without_spaces(store: ConversationStore, query: str) -> None:
    said, named = talk(store, "river C++ 你好世界 😀"), talk(store, "straw")
    store.rename(named, "river 世界 ++ 😀")
    assert conversations(store, query) == [named, said]
