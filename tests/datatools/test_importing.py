from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.datatools.importing import import_chats
from picochat.errors import ConfigError, DataError, OutputError, PicochatError
from picochat.text.corpus import Conversation, read_corpus
from tests.datatools.test_whatsapp import ANDROID, IPHONE

HI = [("user", "Hi"), ("assistant", "Hello!\n\nHow are you?")]
SHAREGPT = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!\n\nHow are you?"}]}
OPENAI = {"messages": [{"role": role, "content": text} for role, text in HI]}
EXPORT = {
    "title": "Hi",
    "mapping": {
        str(number): {
            "parent": str(number - 1) if number else None,
            "message": {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}},
        }
        for number, (role, text) in enumerate(HI)
    },
    "current_node": "1",
}


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def said(path: Path) -> list[list[tuple[str, str]]]:
    documents = read_corpus(path)
    assert all(isinstance(document, Conversation) for document in documents)
    return [[(m.role, m.content) for m in document.messages] for document in documents if isinstance(document, Conversation)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps([SHAREGPT, OPENAI, EXPORT], indent=1)),
        ("a.json", "\n".join(map(json.dumps, [SHAREGPT, OPENAI, EXPORT]))),
        ("a.jsonl", "\n".join(map(json.dumps, [SHAREGPT, OPENAI, EXPORT]))),
        ("a.jsonl.gz", gzip.compress("\n".join(map(json.dumps, [SHAREGPT, OPENAI, EXPORT])).encode(), mtime=0)),
        ("export", json.dumps([SHAREGPT, OPENAI, EXPORT])),
    ],
    ids=["array", "lines", "jsonl", "gzip", "no suffix"],
)
def test_records_show_what_they_are(tmp_path: Path, name: str, content: str | bytes) -> None:
    out = tmp_path / "out.jsonl"
    tally = import_chats([write(tmp_path / name, content)], out)
    assert said(out) == [HI] * 3
    assert (tally.conversations, tally.messages, tally.assistant) == (3, 6, None)


def test_people_s_chats(tmp_path: Path) -> None:
    files = [write(tmp_path / "i.txt", IPHONE), write(tmp_path / "a.txt", ANDROID)]
    files.append(write(tmp_path / "d.txt", "Ben: Tea?\nAnna Müller: Please.\n"))
    out = tmp_path / "out.jsonl"
    tally = import_chats(files, out, me="anna müller")
    assert tally.assistant == "Anna Müller"
    assert said(out) == [
        [("user", "Gut!\nUnd dir?\n\nIch bin müde."), ("assistant", "Auch gut.")],
        [("user", "Our tree"), ("assistant", "Oh, <3 it")],
        [("user", "Tea?"), ("assistant", "Please.")],
    ]
    assert tally.conversations_left_out == {"one-sided": 2}
    tally = import_chats(files[1:2], out, me="Ben", gap=24 * 3600, force=True)
    assert said(out)[0][-1] == ("assistant", "I said image omitted\nHappy new year")


def test_a_role_can_be_a_name(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "System: Be kind.\nUser: Hi\nAssistant: Hello\n\nUser: Bye\nAssistant: Bye!\n")
    out = tmp_path / "out.txt"
    import_chats([file], out)
    assert out.read_text() == "System: Be kind.\nUser: Hi\nAssistant: Hello\n\nUser: Bye\nAssistant: Bye!\n\n"


def test_what_text_can_t_hold_is_left_out_and_told(tmp_path: Path) -> None:
    short = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    file = write(tmp_path / "a.jsonl", f"{json.dumps(OPENAI)}\n{json.dumps(short)}\n")
    out = tmp_path / "out.txt"
    tally = import_chats([file], out)
    assert said(out) == [[("user", "Hi"), ("assistant", "Ho")]]
    assert [(count, ".jsonl can" in reason) for reason, count in tally.conversations_left_out.items()] == [(1, True)]


@pytest.mark.parametrize(
    ("name", "content", "form", "told"),
    [
        ("a.txt", "", "auto", "a.txt is empty"),
        ("a.jsonl", "\n", "auto", "a.jsonl is empty"),
        ("a.jsonl", "\n", "openai", "There is no conversation to learn from in"),
        ("a.zip", b"PK\x03\x04", "auto", "unpack it"),
        ("a.txt", b"Anna: \xe4\nBen: x\n", "auto", "not UTF-8"),
        ("a.txt", "Just a text.\n", "auto", "no dialogue"),
        ("a.txt", "Anna: Hi\nBen: Ho\n", "whatsapp", "no message of a WhatsApp chat"),
        ("a.json", "[1]", "auto", r"a\.json, line 1, conversation 1: expected .*\(a conversation must be an object\)"),
        ("a.json", '[{"text": "Hi"}]', "auto", r"expected .*\(no 'messages'\)"),
        ("a.jsonl", '{"messages": []}', "sharegpt", r"line 1: expected .*\(no 'conversations'\)"),
        ("a.jsonl", '{"messages": [{"role": "cat", "content": "x"}]}', "auto", "line 1.*nobody is called 'cat'"),
        ("a.jsonl", '{"messages": [{"role": [], "content": "x"}]}', "auto", "line 1"),
        ("a.jsonl", '{"messages": []}\n{"messages": [', "auto", "line 2: malformed JSON"),
        ("a.jsonl", '{"messages": []}\n{"messages": []}\n', "auto", "no conversation to learn from in .*: 2 empty"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path: Path, name: str, content: str | bytes, form: str, told: str) -> None:
    file, out = write(tmp_path / name, content), tmp_path / "out.jsonl"
    with pytest.raises(DataError, match=told) as raised:
        import_chats([file], out, form=form)  # type: ignore[arg-type]
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == [file]


def test_places_that_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", json.dumps(OPENAI))
    with pytest.raises(ConfigError, match=r"\.jsonl or \.txt"):
        import_chats([file], tmp_path / "out.csv")
    with pytest.raises(OutputError, match="one of the files to read"):
        import_chats([file], file, force=True)
    out = write(tmp_path / "out.jsonl", "mine")
    with pytest.raises(OutputError, match="--force"):
        import_chats([file], out)
    assert out.read_text() == "mine"
    import_chats([file], out, force=True)
    assert said(out) == [HI]
    with pytest.raises(ConfigError, match="each message says"):
        import_chats([file], out, me="Ben", force=True)


KEYS = ["conversations", "messages", "mapping", "current_node", "from", "value", "role", "content", "parent", "message"]
KEYS += ["author", "parts", "content_type", "metadata", "recipient", "type", "text", "a"]
WORDS = st.sampled_from([*KEYS, "human", "gpt", "user", "assistant", "tool", "all", "\ud800"])
JUNK = st.recursive(
    st.none() | st.integers(-3, 3) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
RECORD = st.fixed_dictionaries(
    {}, optional={"conversations": JUNK, "messages": JUNK, "mapping": JUNK, "current_node": WORDS}
)
LINE = st.sampled_from(
    ["31/12/23, 21:05 - Anna: Hi", "[1.1.24, 9:05:00 PM] Ben:", "1/1/1, 1:11 - x", "Anna: Hi", "Ben: ", "", "\u200e<"]
)


@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.lists(RECORD, max_size=3).map(lambda records: "\n".join(map(json.dumps, records)).encode()),
        JUNK.map(lambda value: json.dumps(value).encode()),
        st.lists(LINE | st.text(max_size=20), max_size=8).map(lambda lines: "\n".join(lines).encode("utf-8", "replace")),
    ),
    name=st.sampled_from(["a.txt", "a.json", "a.jsonl", "a.jsonl.xz"]),
    out=st.sampled_from(["out.txt", "out.jsonl"]),
    form=st.sampled_from(["auto", "sharegpt", "openai", "whatsapp", "dialogue"]),
    me=st.sampled_from([None, "Anna"]),
)
def test_no_file_breaks_it(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str, out: str, form: str, me: str | None
) -> None:
    folder = tmp_path_factory.getbasetemp()
    file = write(folder / name, content)
    try:
        tally = import_chats([file], folder / out, form=form, me=me, force=True)  # type: ignore[arg-type]
    except PicochatError as error:
        assert "\n" not in str(error)
    else:
        assert len(said(folder / out)) == tally.conversations > 0
