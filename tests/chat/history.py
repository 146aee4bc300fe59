"""Saved conversations for tests."""

from __future__ import annotations

from hypothesis import strategies as st

from picochat.chat.store import ConversationStore, StoredMessage

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def user(content: str) -> StoredMessage:
    return StoredMessage("user", content)


def answer(content: str, **known: object) -> StoredMessage:
    return StoredMessage("assistant", content, **known)  # type: ignore[arg-type]


def talk(store: ConversationStore, *contents: str) -> int:
    conversation = store.create()
    for position, content in enumerate(contents):
        store.put(conversation, position, answer(content) if position % 2 else user(content))
    return conversation


def contents(store: ConversationStore, conversation: int) -> list[str]:
    return [message.content for message in store.load(conversation).messages]


def found(store: ConversationStore, query: str) -> list[tuple[int, int]]:
    return [(hit.conversation, hit.position) for hit in store.search(query)]
