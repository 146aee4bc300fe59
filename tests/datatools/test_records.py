"""ShareGPT, OpenAI and the export of ChatGPT."""

from __future__ import annotations

from typing import Any

import pytest

from picochat.datatools import openai, sharegpt
from picochat.datatools.settling import Tally


def said(messages: Any) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


def node(parent: str | None, role: str | None = None, text: object = "", **more: Any) -> dict[str, Any]:
    """A node as in ChatGPT's export; other facts of its message in `more`."""
    if role is None:
        return {"message": None, "parent": parent, "children": []}
    content = more.pop("content", {"content_type": "text", "parts": [text]})
    message = {"author": {"role": role, "name": None}, "content": content, "recipient": "all", "metadata": {}, **more}
    return {"message": message, "parent": parent, "children": []}


def test_sharegpt() -> None:
    tally = Tally()
    turns = [("system", "Be kind."), ("human", "Hi"), ("gpt", "Hello"), ("tool", "42"), ("user", "Bye"), ("bard", "Bye!")]
    record = {"id": "x", "conversations": [{"from": speaker, "value": text} for speaker, text in turns]}
    expected = [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Bye!")]
    assert said(sharegpt.read_record(record, tally)) == expected
    assert tally.messages_left_out == {"of tools": 1}


def test_openai() -> None:
    parts = [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "this"},
    ]
    turns = [("developer", "Be kind."), ("user", parts), ("assistant", None), ("tool", "42"), ("assistant", "A plum.")]
    record = {"messages": [{"role": role, "content": content} for role, content in turns]}
    expected = [("system", "Be kind."), ("user", "See\nthis"), ("assistant", ""), ("assistant", "A plum.")]
    assert said(openai.read_record(record, Tally())) == expected


def test_weights_are_kept() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]
    assert [message.learnt for message in openai.read_record({"messages": turns}, Tally())] == [True, False]
    assert [message.learnt for message in sharegpt.read_record({"conversations": turns}, Tally())] == [True, False]


def test_the_branch_of_an_exported_conversation() -> None:
    code = {"content_type": "code", "text": "print(1)"}
    picture = {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}, "Look"]}
    mapping = {
        "root": node(None),
        "system": node("root", "system", ""),
        "hidden": node("system", "user", "my settings", metadata={"is_visually_hidden_from_conversation": True}),
        "first": node("hidden", "user", "Hi"),
        "old": node("first", "assistant", "What?"),
        "new": node("first", "assistant", "Hello!", metadata={"model_slug": "x"}),
        "picture": node("new", "user", content=picture),
        "call": node("picture", "assistant", content=code, recipient="python"),
        "result": node("call", "tool", "1"),
        "last": node("result", "assistant", "A plum."),
    }
    tally = Tally()
    expected = [("system", ""), ("user", "Hi"), ("assistant", "Hello!"), ("user", "Look"), ("assistant", "A plum.")]
    assert said(openai.read_record({"mapping": mapping, "current_node": "last"}, tally)) == expected
    assert tally.messages_left_out == {"of tools": 2}
    assert said(openai.read_record({"mapping": mapping, "current_node": "old"}, tally))[-1] == ("assistant", "What?")
    assert said(openai.read_record({"mapping": {}, "current_node": None}, tally)) == []


@pytest.mark.parametrize(
    ("reader", "record"),
    [
        (sharegpt, {"messages": []}),
        (sharegpt, {"conversations": "Hi"}),
        (sharegpt, {"conversations": ["Hi"]}),
        (sharegpt, {"conversations": [{"from": "human"}]}),
        (sharegpt, {"conversations": [{"from": "the cat", "value": "Miau"}]}),
        (sharegpt, {"conversations": [{"from": "human", "value": 3}]}),
        (openai, {"text": "Hi"}),
        (openai, {"messages": {"role": "user"}}),
        (openai, {"mapping": {"a": node("a", "user", "Hi")}, "current_node": "a"}),
        (openai, {"mapping": {"a": node("b", "user", "Hi")}, "current_node": "a"}),
        (openai, {"mapping": {"a": None}, "current_node": "a"}),
    ],
)
def test_other_shapes_are_no_surprise(reader: Any, record: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        list(reader.read_record(record, Tally()))
