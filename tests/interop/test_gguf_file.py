"""The container: what the gguf package writes is read, and nothing else crashes, hangs or eats memory."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from picochat.errors import CheckpointError
from picochat.interop.gguf_file import BLOCK_TYPES, GgufFile
from picochat.interop.gguf_read import read_gguf
from picochat.interop.gguf_write import write_gguf
from tests.interop.gguf_models import tiny


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "good.gguf"
    write_gguf(tiny("llama", dim=32, heads=2, kv_heads=1, layers=1, context=32), path, "q8_0")
    return path


def header(version: int = 3, tensors: int = 0, pairs: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs)


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


A_TENSOR = string("t") + struct.pack("<IQIQ", 1, 1, 0, 0) + bytes(64)


def test_metadata_and_tensors_are_those_of_the_gguf_package(good: Path) -> None:
    file, peer = GgufFile(good), gguf.GGUFReader(good)
    for key, field in peer.fields.items():
        if not key.startswith("GGUF."):
            value = file.metadata[key]
            assert (value.tolist() if isinstance(value, np.ndarray) else value) == field.contents()
    assert set(file.tensors) == {tensor.name for tensor in peer.tensors}
    for tensor in peer.tensors:
        entry = file.tensors[tensor.name]
        assert entry.shape == tuple(tensor.shape.tolist())[::-1]
        assert BLOCK_TYPES[entry.kind].name == tensor.tensor_type.name
        assert file.bytes_of(entry).tobytes() == tensor.data.tobytes()


def test_block_sizes_are_those_of_the_gguf_package() -> None:
    for kind, block in BLOCK_TYPES.items():
        peer = gguf.GGMLQuantizationType(kind)
        assert (block.name, (block.values, block.size)) == (peer.name, gguf.GGML_QUANT_SIZES[peer])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"GGU", "within its header"),
        (b"PK\x03\x04 a zip", "not a GGUF file"),
        (header(version=1), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (header(tensors=1 << 60), "tensors follow"),
        (header(pairs=1 << 60), "metadata entries follow"),
        (header(pairs=1) + struct.pack("<Q", 1 << 63) + b"x" * 40, "characters follow"),
        (header(pairs=1) + string("a") + struct.pack("<IIQ", 9, 8, 1 << 20), "strings follow"),
        (header(pairs=1) + string("a") + struct.pack("<IIQ", 9, 8, 1 << 40), "too long"),
        (header(pairs=1) + string("a") + struct.pack("<IIQ", 9, 12, 1 << 60) + b"x" * 40, "numbers follow"),
        (header(pairs=1) + string("a") + struct.pack("<IIQ", 9, 9, 1), "no arrays of"),
        (header(pairs=1) + string("a") + struct.pack("<I", 99) + b"x" * 40, "no metadata type 99"),
        (header(pairs=2) + 2 * (string("a") + struct.pack("<II", 4, 1)), "twice"),
        (header(pairs=1) + struct.pack("<Q", 2) + b"\xff\xfe" + struct.pack("<II", 4, 1), "UTF-8"),
        (header(tensors=1) + string("t") + struct.pack("<IQIQ", 1, 8, 0, 0), "ends before"),
        (header(tensors=1) + string("t") + struct.pack("<IQIQ", 1, 0, 0, 0), "can't have the shape"),
        (header(tensors=1) + string("t") + struct.pack("<IQQIQ", 2, 1 << 40, 0, 0, 0), "can't have the shape"),
        (header(tensors=1) + string("t") + struct.pack("<IQIQ", 1, 33, 8, 0) + b"x" * 99, "can't have the shape"),
        (header(tensors=1) + string("t") + struct.pack("<I", 1 << 30) + b"x" * 40, "axes"),
        (header(tensors=1) + string("t") + struct.pack("<IQIQ", 1, 256, 16, 0), "IQ2_XXS"),
        (header(tensors=1) + string("t") + struct.pack("<IQIQ", 1, 256, 999, 0), "number 999"),
        (header(tensors=1, pairs=1) + string("general.alignment") + struct.pack("<II", 4, 3) + A_TENSOR, "power"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_gguf_file_is_told_in_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as caught:
        GgufFile(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_tensors_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    entries = b"".join(string(name) + struct.pack("<IQIQ", 1, 24, 0, 0) for name in "abc")
    path.write_bytes(header(tensors=3) + entries + bytes(256))
    with pytest.raises(CheckpointError, match="one upon another"):
        GgufFile(path)


def test_no_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no GGUF file at"):
        GgufFile(tmp_path / "none.gguf")
    with pytest.raises(CheckpointError, match="can't be read"):
        GgufFile(tmp_path)


@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60)
def test_a_file_cut_anywhere_is_refused(good: Path, tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    content = good.read_bytes()
    path = tmp_path_factory.getbasetemp() / "cut.gguf"
    # the end of the last tensor may be padding
    path.write_bytes(content[: int(share * (len(content) - 32))])
    with pytest.raises(CheckpointError):
        read_gguf(path)


@given(place=st.integers(0, 1 << 40), byte=st.integers(1, 255), whole=st.booleans())
@example(place=8, byte=0xFF, whole=False)
@settings(max_examples=150)
@pytest.mark.filterwarnings("ignore::picochat.errors.PicochatWarning")
def test_a_flipped_byte_gives_a_sentence_or_a_model(
    good: Path, tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, whole: bool
) -> None:
    content = bytearray(good.read_bytes())
    # half of the flips hit what comes before the tokens, where most is decided
    place %= len(content) if whole else 1200
    content[place] ^= byte
    path = tmp_path_factory.getbasetemp() / "flipped.gguf"
    path.write_bytes(content)
    try:
        checkpoint = read_gguf(path)
    except CheckpointError as error:
        assert "\n" not in str(error)
    else:
        assert checkpoint.tokenizer.encode("Hello!")
        assert checkpoint.build().config == checkpoint.config
