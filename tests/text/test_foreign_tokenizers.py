"""Tokenizers and turns from elsewhere: fixed vocabularies, SentencePiece's spaces, other marks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from picochat.errors import CheckpointError
from picochat.text.batches import encode_documents
from picochat.text.chat_format import ChatFormat, Message, Part
from picochat.text.corpus import Conversation, Text
from picochat.text.tokenizer import Tokenizer
from picochat.text.turns import CHATML, Frame, TurnFormat, plain_turns
from tests.conftest import chat_text

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
MARKS = ("<unk>", "<s>", "</s>")
TURNS = plain_turns("<s>", "</s>")
TEXTS = ["", "Hello Ada", " Hello", "  two", "I like soup.\n\nOh", "caf\u00e9 \U0001f600", "x</s>y", "\u2581"]
ZEPHYR = TurnFormat(
    *(Frame(f"<|{role}|>\n", "</s>\n") for role in ("system", "user", "assistant")),
    begin="",
    reply="<|assistant|>\n",
    ends=("</s>",),
    start_of_text="<s>",
    end_of_text="</s>",
    default_system="Be good.",
)


def sentencepiece(kind: str) -> Backend:
    """A tokenizer as Llama 2 has it, in its older or its newer way of writing spaces."""
    backend = Backend(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if kind == "prepend":
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
        steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        backend.decoder = decoders.Sequence(steps)
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme="first", split=False)
        steps = [decoders.ByteFallback(), decoders.Fuse(), decoders.Metaspace("\u2581", prepend_scheme="first", split=False)]
        backend.decoder = decoders.Sequence(steps)
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=[*MARKS, *BYTES], show_progress=False)
    backend.train_from_iterator(chat_text().replace("\n", " \n").splitlines(), trainer)
    raw = json.loads(backend.to_str())
    raw["added_tokens"] = [token for token in raw["added_tokens"] if token["content"] in MARKS]
    return Backend.from_str(json.dumps(raw))


KINDS = ("prepend", "metaspace")
OURS = {kind: Tokenizer(sentencepiece(kind), TURNS) for kind in KINDS}
THEIRS = {kind: sentencepiece(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@given(st.text() | st.text(alphabet="aH \n\u00e9\U0001f600"))
def test_any_text_comes_back_also_one_id_after_the_other(kind: str, text: str) -> None:
    # the sign that stands for a space can't be told from one
    text = text.replace("\u2581", "_")
    tokenizer = OURS[kind]
    ids = tokenizer.encode(text)
    stream = tokenizer.stream()
    assert tokenizer.decode(ids) == text.encode("utf-8", "replace").decode()
    assert "".join(map(stream.feed, ids)) + stream.flush() == tokenizer.decode(ids)
    assert not tokenizer.special_ids & set(ids)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_whole_text_has_the_ids_of_the_library(kind: str, text: str) -> None:
    theirs = THEIRS[kind]
    theirs.encode_special_tokens = True
    assert OURS[kind].encode_document(text) == theirs.encode(text, add_special_tokens=False).ids


def test_the_space_in_front_is_a_tokens_own() -> None:
    tokenizer = OURS["prepend"]
    assert tokenizer.decode(tokenizer.encode_document("Hello")) == " Hello"
    assert tokenizer.token_bytes(tokenizer.id_of("<0x0A>")) == b"\n"
    assert OURS["metaspace"].encode_document(" Hello") == OURS["metaspace"].encode(" Hello")


def test_nothing_is_added_to_a_fixed_vocabulary() -> None:
    tokenizer = OURS["prepend"]
    assert tokenizer.vocab_size == max(THEIRS["prepend"].get_vocab().values()) + 1
    assert (tokenizer.start_of_text, tokenizer.end_of_text, tokenizer.ends) == (1, 2, {2})
    with pytest.raises(CheckpointError, match="im_end"):
        _ = tokenizer.im_end
    with pytest.raises(CheckpointError, match="'<eot>'"):
        Tokenizer(sentencepiece("prepend"), plain_turns("<s>", "<eot>"))


def test_json_carries_the_turns_and_only_where_they_are_other() -> None:
    for turns in (TURNS, ZEPHYR):
        tokenizer = Tokenizer(sentencepiece("prepend"), turns)
        again = Tokenizer.from_json(tokenizer.to_json())
        assert (again.turns, again.digest()) == (turns, tokenizer.digest())
        assert Backend.from_str(tokenizer.library_json()).get_vocab_size() == tokenizer.vocab_size
        with pytest.raises(CheckpointError):
            Tokenizer.from_json(tokenizer.to_json().replace('"ends"', '"end"'))
    assert Tokenizer(sentencepiece("prepend"), TURNS).digest() != Tokenizer(sentencepiece("prepend"), ZEPHYR).digest()
    ours = Tokenizer.train([chat_text()], "bpe", 400)
    assert ours.to_json() == ours.library_json()
    assert Tokenizer.from_json(ours.to_json()).turns == CHATML


def test_a_turn_ends_at_its_mark_and_it_is_learnt() -> None:
    tokenizer = Tokenizer(sentencepiece("metaspace"), ZEPHYR)
    rendered = ChatFormat(tokenizer).render([Message("user", "Hi"), Message("assistant", "Oh")])
    shown = "".join(tokenizer.piece(token) for token in rendered.ids)
    assert shown == "<|system|>\nBe good.</s>\n<|user|>\nHi</s>\n<|assistant|>\nOh</s>\n"
    learnt = [token for token, part in zip(rendered.ids, rendered.parts, strict=True) if part == Part.ASSISTANT]
    assert learnt == [*tokenizer.encode("Oh"), 2]


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(alphabet="</s>|user\nx"))))
def test_content_forges_no_mark(messages: list[tuple[str, str]]) -> None:
    tokenizer = OURS["prepend"]
    rendered = ChatFormat(tokenizer).render([Message(role, content + "</s><s>") for role, content in messages])  # type: ignore[arg-type]
    assert rendered.ids.count(1) == 1
    assert rendered.ids.count(2) == sum(role == "assistant" for role, _ in messages)


@pytest.mark.parametrize("turns", [TURNS, ZEPHYR])
def test_training_encodes_as_the_chat_does(turns: TurnFormat) -> None:
    tokenizer = Tokenizer(sentencepiece("prepend"), turns)
    talk = (Message("user", "Hi Ada"), Message("assistant", "Hello!"))
    stream = encode_documents([Conversation(talk), Text("I like soup"), Conversation(talk[:1])], tokenizer)
    chat = ChatFormat(tokenizer)
    expected = [chat.render(talk), chat.document("I like soup"), chat.render(talk[:1])]
    assert stream.ids[:].tolist() == [token for each in expected for token in each.ids]
    assert stream.parts[:].tolist() == [part for each in expected for part in each.parts]
    assert stream.starts.tolist() == [0, len(expected[0]), len(expected[0]) + len(expected[1])]


def test_marks_that_were_no_special_tokens_become_ones() -> None:
    raw = json.loads(sentencepiece("prepend").to_str())
    raw["added_tokens"] = []
    tokenizer = Tokenizer(Backend.from_str(json.dumps(raw)), TURNS)
    assert tokenizer.special_ids == {1, 2}
    assert 2 not in tokenizer.encode("</s>")


def test_added_words_are_text() -> None:
    backend = sentencepiece("prepend")
    backend.add_tokens([AddedToken("<caf\u00e9>", special=False, normalized=False)])
    tokenizer = Tokenizer(backend, TURNS)
    [word] = tokenizer.encode("<caf\u00e9>")
    assert tokenizer.decode([word]) == "<caf\u00e9>"
    byte_level = json.loads(Tokenizer.train([chat_text()], "bpe", 400).to_json())
    backend = Backend.from_str(json.dumps(byte_level))
    backend.add_tokens([AddedToken("\u00e9t\u00e9", special=False, normalized=False)])
    tokenizer = Tokenizer(backend)
    assert tokenizer.decode(tokenizer.encode("\u00e9t\u00e9 x")) == "\u00e9t\u00e9 x"
