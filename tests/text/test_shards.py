from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import ConfigError, DataError, OutputError
from picochat.text import preparing, shard_writer
from picochat.text.batches import TokenStream, encode_documents, training_batch, validation_batches
from picochat.text.chat_format import ChatFormat
from picochat.text.corpus import Conversation, Document, read_corpus
from picochat.text.encoding import encode_chunks, fingerprint
from picochat.text.packing import MODES, batch_maker
from picochat.text.preparing import Progress, Request, prepare_shards
from picochat.text.shard_writer import Seen
from picochat.text.shards import MappedRow, Shards, is_shards, open_shards
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text

TOKENIZER = Tokenizer.train([chat_text()], "bpe", 400)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Conversations, and texts that say the same thing often."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text(chat_text(), encoding="utf-8")
    texts = [f"Number {number % 150} is a number.\nSo is {number % 150 + 1}." for number in range(200)]
    (folder / "b.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    return folder


def make(data: Path | Sequence[Path], out: Path, *, force: bool = False, **settings: Any) -> Shards:
    sources = [data] if isinstance(data, Path) else list(data)
    return prepare_shards(Request(sources, **{"tokenizer": TOKENIZER, **settings}), out, force=force)[0]


def documents_of(stream: TokenStream) -> list[tuple[list[int], list[int]]]:
    """Ids and parts of each document."""
    ends = stream.ends(np.arange(len(stream.starts)))
    return [
        (stream.ids[start:end].tolist(), stream.parts[start:end].tolist())
        for start, end in zip(stream.starts.tolist(), ends.tolist(), strict=True)
    ]


def different(documents: list[Document]) -> list[Document]:
    """The first of each that says the same."""
    first: dict[int, Document] = {}
    for document in documents:
        first.setdefault(fingerprint(document), document)
    return list(first.values())


@pytest.mark.parametrize("workers", [1, 2])
def test_shards_hold_what_encoding_in_memory_gives(data: Path, tmp_path: Path, workers: int) -> None:
    shards = make(data, tmp_path / "out", workers=workers)
    documents = read_corpus(data)
    expected = different(documents)
    assert len(expected) == 190
    assert shards.manifest.counts.documents == 190
    assert shards.manifest.counts.duplicates == 50
    assert shards.manifest.counts.conversations == 40
    limit = 0.05 * 2**64
    for stream, held_out in ((shards.train, False), (shards.held_out, True)):
        side = [document for document in expected if (fingerprint(document) < limit) == held_out]
        assert documents_of(stream) == documents_of(encode_documents(side, TOKENIZER))
    assert shards.train.ids.dtype == np.uint16


def test_encoding_together_is_encoding_one_by_one(data: Path) -> None:
    chat = ChatFormat(TOKENIZER)
    documents = read_corpus(data)
    rendered = [
        chat.render(document.messages) if isinstance(document, Conversation) else chat.document(document.content)
        for document in documents
    ]
    expected = [(one.ids, [int(part) for part in one.parts]) for one in rendered]
    assert documents_of(encode_documents(documents, TOKENIZER)) == expected


def test_processes_give_their_chunks_in_order(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picochat.text.encoding.CHUNK", 200)
    documents = read_corpus(data)
    alone, together = (list(encode_chunks(documents, TOKENIZER, workers)) for workers in (1, 2))
    assert len(alone) > 20
    assert [chunk.prints.tolist() for chunk in alone] == [chunk.prints.tolist() for chunk in together]
    assert [chunk.encoded.ids.tolist() for chunk in alone] == [chunk.encoded.ids.tolist() for chunk in together]


def test_many_shards_read_as_one(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make(data, tmp_path / "one")
    monkeypatch.setattr(shard_writer, "SHARD_TOKENS", 300)
    monkeypatch.setattr("picochat.text.encoding.CHUNK", 500)
    many = make(data, tmp_path / "many")
    assert len(many.manifest.splits["train"]) > 5
    assert documents_of(many.train) == documents_of(one.train)
    assert many.train.starts.tolist() == one.train.starts.tolist()
    for mode in MODES:
        batches = [
            batch_maker(mode, shards.train, batch=4, length=24, seed=1)(step, 0) for shards in (one, many) for step in (0, 7)
        ]
        assert batches[0].inputs.tolist() == batches[2].inputs.tolist()
        assert batches[1].targets.tolist() == batches[3].targets.tolist()
    for first, second in zip(
        validation_batches(one.held_out, batch=2, length=16, most=9),
        validation_batches(many.held_out, batch=2, length=16, most=9),
        strict=True,
    ):
        assert first.targets.tolist() == second.targets.tolist()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_a_mapped_row_is_its_files_one_after_the_other(sizes: list[int], draw: st.DataObject) -> None:
    whole = np.arange(sum(sizes), dtype=np.uint16)
    row = MappedRow(np.split(whole, np.cumsum(sizes)[:-1]))
    assert len(row) == len(whole)
    assert np.asarray(row).tolist() == whole.tolist()
    places = np.array(draw.draw(st.lists(st.integers(0, len(whole) - 1), max_size=12)), dtype=np.int64).reshape(-1, 1)
    assert row[places].tolist() == whole[places].tolist()
    begin, end = draw.draw(st.integers(0, len(whole))), draw.draw(st.integers(0, len(whole) + 3))
    assert row[begin:end].tolist() == whole[begin:end].tolist()


def test_training_reads_shards_like_memory(data: Path, tmp_path: Path) -> None:
    shards = make(data, tmp_path / "out")
    stream = shards.train
    memory = TokenStream(np.asarray(stream.ids), np.asarray(stream.parts), stream.starts)
    for step in range(5):
        first, second = (training_batch(source, batch=4, length=16, seed=0, step=step) for source in (stream, memory))
        assert first.inputs.tolist() == second.inputs.tolist()
        assert first.parts.tolist() == second.parts.tolist()


# -- duplicates and sides -------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=12))
def test_what_was_seen_is_not_new(batches: list[list[int]]) -> None:
    seen, known = Seen(), set()
    for batch in batches:
        new = seen.first_time(np.array(batch, dtype=np.uint64))
        for number, first in zip(batch, new.tolist(), strict=True):
            assert first == (number not in known)
            known.add(number)


def test_copies_differ_in_blanks_and_unicode_form_only(tmp_path: Path) -> None:
    texts = ["caf\u00e9 au lait", "cafe\u0301  au\n lait ", "Caf\u00e9 au lait", "Tea"]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    assert make(path, tmp_path / "out").manifest.counts.duplicates == 1


def test_a_document_stays_on_its_side_when_files_are_added(data: Path, tmp_path: Path) -> None:
    before = make(data, tmp_path / "before", val_fraction=0.2)
    (data / "0.jsonl").write_text("\n".join(json.dumps({"text": f"New {n}"}) for n in range(100)), encoding="utf-8")
    after = make(data, tmp_path / "after", val_fraction=0.2)
    assert after.manifest.counts.documents == before.manifest.counts.documents + 100
    for old, new in ((before.train, after.train), (before.held_out, after.held_out)):
        kept = {tuple(ids) for ids, _ in documents_of(new)}
        assert all(tuple(ids) in kept for ids, _ in documents_of(old))


@pytest.mark.parametrize("fraction", [1e-12, 0.999999])
def test_two_documents_are_one_for_each_side(tmp_path: Path, fraction: float) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "One"}\n{"text": "Two"}', encoding="utf-8")
    shards = make(tmp_path / "a.jsonl", tmp_path / "out", val_fraction=fraction)
    assert [len(shards.train.starts), len(shards.held_out.starts)] == [1, 1]


def test_a_single_document_is_too_little(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "One"}\n{"text": "One "}', encoding="utf-8")
    with pytest.raises(DataError, match=r"1 different document of .* at least two"):
        make(tmp_path / "a.jsonl", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl"]


def test_a_book_is_cut_into_documents(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"Line {number} of it.\n" for number in range(20_000)), encoding="utf-8")
    shards = make(tmp_path / "a.txt", tmp_path / "out")
    assert shards.manifest.counts.documents == pytest.approx(360_000 / preparing.PIECE, abs=3)
    assert TOKENIZER.decode(shards.train.ids[0:400].tolist()).startswith("Line ")


# -- the cache ------------------------------------------------------------------------------------------------------------


def test_the_same_again_is_kept_wherever_the_files_are(data: Path, tmp_path: Path) -> None:
    make(data, tmp_path / "out")
    written = (tmp_path / "out" / "manifest.json").stat().st_mtime_ns
    data.rename(tmp_path / "moved")
    shards, already = prepare_shards(Request([tmp_path / "moved"], TOKENIZER, workers=2), tmp_path / "out")
    assert already
    assert (shards.folder / "manifest.json").stat().st_mtime_ns == written


@pytest.mark.parametrize("change", ["content", "tokenizer", "fraction", "kind"])
def test_something_else_is_refused_and_replaced_by_force(data: Path, tmp_path: Path, change: str) -> None:
    before = make(data, tmp_path / "out").manifest
    settings: dict[str, Any] = {}
    if change == "content":
        (data / "a.txt").write_text(chat_text() + "!", encoding="utf-8")
    elif change == "tokenizer":
        settings = {"tokenizer": Tokenizer.train([chat_text()], "bpe", 300)}
    elif change == "fraction":
        settings = {"val_fraction": 0.3}
    else:
        settings = {"tokenizer": None, "kind": "char"}
    with pytest.raises(OutputError, match="--force"):
        make(data, tmp_path / "out", **settings)
    assert open_shards(tmp_path / "out", check=True).manifest == before
    after = make(data, tmp_path / "out", force=True, **settings)
    assert after.manifest.key != before.key
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_of_something_else_is_never_replaced(data: Path, tmp_path: Path) -> None:
    for force in (False, True):
        with pytest.raises(OutputError, match="no folder of shards"):
            make(data, data, force=force)
    (tmp_path / "empty").mkdir()
    assert make(data, tmp_path / "empty").folder == tmp_path / "empty"


def test_a_vocabulary_is_learnt_from_what_is_not_held_out(data: Path, tmp_path: Path) -> None:
    shards = make(data, tmp_path / "out", tokenizer=None, kind="char")
    again = make(data, tmp_path / "again", tokenizer=None, kind="char")
    assert shards.manifest == again.manifest
    assert shards.tokenizer.kind == "char"
    assert TOKENIZER.digest() != shards.tokenizer.digest() == shards.manifest.tokenizer


def test_a_file_that_changes_meanwhile_spoils_it(data: Path, tmp_path: Path) -> None:
    def meddle(progress: Progress) -> None:
        if progress.stage == "encoding":
            (data / "a.txt").write_text("User: Other\nAssistant: Text\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"a\.txt changed"):
        prepare_shards(Request([data], TOKENIZER), tmp_path / "out", report=meddle)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"val_fraction": 0.0}, "val-fraction"), ({"tokenizer": None, "kind": "morse"}, "no tokenizer 'morse'")],
)
def test_settings_that_cannot_be(data: Path, tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make(data, tmp_path / "out", **settings)


# -- damage ---------------------------------------------------------------------------------------------------------------

FILES = ["train-00000.ids.bin", "train-00000.parts.bin", "held_out-00000.starts.bin", "tokenizer.json", "manifest.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_missing_and_short_files_are_told_at_once(data: Path, tmp_path: Path, name: str, damage: str) -> None:
    out = make(data, tmp_path / "out").folder
    path = out / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        open_shards(out)


@pytest.mark.parametrize("name", FILES[:3])
def test_a_changed_byte_is_found_by_its_hash(data: Path, tmp_path: Path, name: str) -> None:
    out = make(data, tmp_path / "out").folder
    path = out / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    shards = open_shards(out)
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        shards.check()
    with pytest.raises(DataError, match="damaged"):
        open_shards(out, check=True)


def test_starts_that_lead_astray_are_found_on_opening(data: Path, tmp_path: Path) -> None:
    out = make(data, tmp_path / "out").folder
    path = out / "train-00000.starts.bin"
    starts = np.fromfile(path, dtype="<i8")
    starts[1] = 2**40
    starts.tofile(path)
    with pytest.raises(DataError, match=r"train-00000\.starts\.bin is damaged"):
        _ = open_shards(out).train


def test_another_tokenizer_is_refused(data: Path, tmp_path: Path) -> None:
    out = make(data, tmp_path / "out").folder
    assert open_shards(out, tokenizer=TOKENIZER).tokenizer.digest() == TOKENIZER.digest()
    other = Tokenizer.train([chat_text()], "bpe", 300)
    with pytest.raises(DataError, match="another tokenizer"):
        open_shards(out, tokenizer=other)
    (out / "tokenizer.json").write_text(other.to_json(), encoding="utf-8")
    with pytest.raises(DataError, match=r"tokenizer\.json is not the tokenizer"):
        open_shards(out)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 3}', '{"format": "picochat-shards/9"}', "[" * 100_000])
def test_a_manifest_of_something_else(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    assert is_shards(tmp_path) == ("shards" in content)
    with pytest.raises(DataError, match=r"manifest\.json"):
        open_shards(tmp_path)


def test_no_shards_at_all(tmp_path: Path) -> None:
    assert not is_shards(tmp_path)
    with pytest.raises(DataError, match="picochat prepare"):
        open_shards(tmp_path / "none")
