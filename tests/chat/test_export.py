from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from picochat.chat.export import to_json, to_markdown
from picochat.chat.store import ConversationStore, StoredConversation, StoredMessage
from picochat.text.corpus import Conversation, read_corpus

ANY_TEXT = st.text(st.characters(exclude_categories=()))
STRUCTURE = st.text(st.sampled_from("#>-+*_=~`|<[]:!\\ \t\n\r1.)ax&;/\u2028"), max_size=40)


def conversation(*contents: str, system: str | None = None, title: str = "") -> StoredConversation:
    store = ConversationStore(None)
    made = store.create(system, title)
    for position, content in enumerate(contents):
        if position % 2:
            known: dict[str, Any] = {"seed": position, "settings": {"temperature": 0.5, "stop": ["---"]}}
            record = StoredMessage("assistant", content, "end", model="runs/a/best.pt", model_digest="abc", **known)
        else:
            record = StoredMessage("user", content)
        store.put(made, position, record)
    return store.load(made)


def parts(markdown: str) -> tuple[Any, str]:
    """The front matter, and what comes after it."""
    start, front, body = markdown.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(front), body


def renderer() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable("table")


def shown(body: str) -> str:
    """What a reader sees, without emphasis."""
    text = ""
    for block in renderer().parse(body):
        for token in block.children or []:
            text += "\n" if token.type == "hardbreak" else token.content
        text += "\n" if block.type == "inline" else ""
    return text


def test_markdown_as_a_whole() -> None:
    told = conversation("Hi there!\nHow are you?", "I am **well**.", system="Be kind.", title="A: talk")
    front, body = parts(to_markdown(told))
    assert front == {
        "title": "A: talk",
        "created": front["created"],
        "model": "runs/a/best.pt",
        "digest": "abc",
        "settings": {"temperature": 0.5, "stop": ["---"], "seed": 1},
    }
    assert body == (
        "\n**System:**\n\nBe kind.\n\n**You:**\n\nHi there!  \nHow are you?\n\n**picochat:**\n\nI am **well**.\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "# x",
        "> x",
        "- x",
        "+ x",
        "* x",
        "1. x",
        "2) x",
        "---",
        "***",
        "_ _ _",
        "===",
        "```",
        "~~~",
        "    x",
        "\tx",
        "<div>",
        "<!-- x",
        "x <b>y</b> z",
        "\\<b>x</b>",
        "| a | b |",
        "[a]: http://x",
        "**You:** x",
        "**picochat:**",
        "\\# x",
        "`x`",
        "a ` b \\ c",
        "![a](http://x)",
    ],
)
def test_a_line_that_looks_like_structure_is_shown_as_it_is(line: str) -> None:
    _, body = parts(to_markdown(conversation(f"{line}\nbefore\n{line}\n\n{line}\nafter", f"x\n{line}")))
    expected = line.replace("\t", "    ")
    # this renderer drops a paragraph's leading blanks
    first = expected.lstrip()
    text = shown(body).replace("\u00a0", " ")
    assert text == f"You:\n{first}\nbefore\n{expected}\n{first}\nafter\npicochat:\nx\n{expected}\n"


@given(st.one_of(ANY_TEXT, STRUCTURE), st.one_of(ANY_TEXT, STRUCTURE), ANY_TEXT)
@settings(max_examples=300)
def test_no_message_becomes_structure(question: str, answer: str, title: str) -> None:
    markdown = to_markdown(conversation(question, answer, system=answer, title=title))
    markdown.encode()
    front, body = parts(markdown)
    assert set(front) == {"title", "created", "model", "digest", "settings"}
    blocks = renderer().parse(body)
    assert {block.type for block in blocks} <= {"paragraph_open", "inline", "paragraph_close"}
    assert not [token for block in blocks for token in block.children or [] if token.type == "html_inline"]
    labels = [block.content for block in blocks if block.content in ("**You:**", "**picochat:**", "**System:**")]
    assert labels == ["**System:**"] * bool(answer) + ["**You:**", "**picochat:**"]


def test_control_characters_of_a_message_do_not_reach_the_markdown() -> None:
    markdown = to_markdown(conversation("a\x1b[31mb\x00\u202ec", title="\x1b]0;x\x07"))
    assert not set(markdown) & set("\x1b\x00\x07\u202e")


@given(st.lists(st.one_of(ANY_TEXT, STRUCTURE), min_size=1, max_size=5), st.none() | ANY_TEXT)
@settings(max_examples=50)
def test_json_is_one_line_that_holds_every_text(contents: list[str], system: str | None) -> None:
    text = to_json(conversation(*contents, system=system))
    assert "\n" not in text
    text.encode()
    said = [message["content"] for message in json.loads(text)["messages"]]
    assert said == ([system] if system else []) + contents


def test_json_tells_how_each_answer_came_to_be() -> None:
    told = json.loads(to_json(conversation("Hi", "Hello")))
    assert set(told) == {"id", "title", "created", "updated", "messages"}
    question, answer = told["messages"]
    assert set(question) == {"role", "content", "created"}
    assert {name: answer[name] for name in ("stop", "seed", "model", "model_digest")} == {
        "stop": "end",
        "seed": 1,
        "model": "runs/a/best.pt",
        "model_digest": "abc",
    }


def test_json_is_training_data(tmp_path: Path) -> None:
    talks = [conversation("Hi\u2028there\r\n", "Hello 😀", system="Be kind."), conversation("User: a", "b")]
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(f"{to_json(talk)}\n" for talk in talks), encoding="utf-8")
    documents = read_corpus(path)
    assert all(isinstance(document, Conversation) for document in documents)
    assert [
        [(m.role, m.content) for m in document.messages] for document in documents if isinstance(document, Conversation)
    ] == [
        [("system", "Be kind."), ("user", "Hi\u2028there\r\n"), ("assistant", "Hello 😀")],
        [("user", "User: a"), ("assistant", "b")],
    ]
