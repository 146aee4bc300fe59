from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from picochat.benchmark import own
from picochat.benchmark.memory import peak_memory
from picochat.benchmark.processes import FailedError, ask
from picochat.benchmark.programs import PEERS, PROGRAMS, Setup, Writer
from picochat.benchmark.sample import LIMIT, documents
from picochat.checkpoint import save_checkpoint
from picochat.errors import DataError
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer

PROMPT = [5, 300, 17, 40, 9, 123]

LLAMA = """
import os
print("what a library says on stdout is no answer")
class Llama:
    def __init__(self, path, *, n_ctx, n_threads, n_threads_batch, seed, verbose):
        assert path.endswith("f32.gguf") and n_ctx == 14 and n_threads == n_threads_batch == 1
        assert os.environ["OMP_NUM_THREADS"] == "1"
        self.resets = 0
    def reset(self):
        self.resets += 1
    def generate(self, prompt, *, temp, top_k, top_p, min_p, repeat_penalty):
        assert (temp, top_k, top_p, min_p, repeat_penalty) == (0.8, 20, 1.0, 0.0, 1.0)
        if prompt == [99]:
            os._exit(3)
        if prompt == [98]:
            raise RuntimeError("no kernel\\nfor this")
        yield from ([7] if prompt == [97] else range(100 * self.resets, 1000))
"""


@pytest.fixture
def fake_llama(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "modules" / "llama_cpp").mkdir(parents=True)
    (tmp_path / "modules" / "llama_cpp" / "__init__.py").write_text(LLAMA, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    return tmp_path


def written(place: Path, prompt: list[int]) -> dict[str, object]:
    where = {"model": place / "m.pt", "folder": place, "precision": "fp32", "threads": 1, "window": 14, "device": "cpu"}
    return ask("write", program="llama.cpp", prompt=prompt, tokens=4, temperature=0.8, **where)


def test_a_turn_in_a_process_of_its_own(fake_llama: Path) -> None:
    found = written(fake_llama, [1, 2])
    # of the second time: the first one warms up
    assert found["ids"] == [200, 201, 202, 203]
    assert found["first"] >= 0  # type: ignore[operator]
    assert found["rest"] >= 0  # type: ignore[operator]
    assert 1e6 < found["peak_memory_bytes"] < 1e9  # type: ignore[operator]


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        (99, "its process ended with code 3"),
        (98, "RuntimeError: no kernel$"),
        (97, "4 tokens were asked for and 1 came"),
    ],
)
def test_what_fails_is_told_in_a_line(prompt: int, says: str, fake_llama: Path) -> None:
    with pytest.raises(FailedError, match=says):
        written(fake_llama, [prompt])


def test_an_error_of_ours_is_told_as_it_is() -> None:
    with pytest.raises(FailedError, match=r"^There is no model at none\.pt"):
        ask("loss", model="none.pt", precision="fp32", threads=1, device="cpu", data=None)


def test_the_rate_of_memory() -> None:
    assert ask("memory", threads=2, library_threads=1)["bytes_per_second"] > 1e6


def test_a_process_that_took_much_memory_says_so() -> None:
    before = peak_memory()
    if before is None:
        pytest.skip("this system does not tell")
    block = bytearray(os.urandom(1024)) * (before // 1024 + 1024)  # more than ever before
    assert (peak_memory() or 0) > before
    del block


def writers(model: Path, folder: Path) -> Iterator[tuple[str, Writer]]:
    for name in ("picochat", *PEERS):
        if PROGRAMS[name].installed:
            setup = Setup(model, folder, "fp32", threads=1, window=32, device="cpu")
            module = PROGRAMS[name].load()
            module.prepare(setup)
            module.prepare(setup)  # what is there stays
            yield name, module.open_writer(setup)


def test_all_programs_write_the_same_likeliest_tokens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = GPT(ModelConfig.create(preset="nano", layers=2, heads=2, dim=64, context=64, vocab_size=320))
    with torch.no_grad():
        for weight in model.blocks.parameters():
            weight *= 4  # large enough that the text is no repetition of one token
    # a model of plain text: peers don't draw the end of a turn, if they are to go on, and such a model has none
    save_checkpoint(tmp_path / "random.pt", model, Tokenizer.train(["a b c"]), {"kind": "text"})
    texts: dict[str, list[list[int]]] = {}
    for name, writer in writers(tmp_path / "random.pt", tmp_path):
        for temperature in (0.0, 0.0, 0.8):
            ids: list[int] = []
            writer.write(PROMPT, 20, temperature, ids.append)
            assert len(ids) == 20  # ends of turns end nothing
            texts.setdefault(name, []).append(ids)
    assert "transformers" in texts
    assert all(found[0] == found[1] == texts["picochat"][0] for found in texts.values())
    assert len(set(texts["picochat"][0])) > 5


def test_tokens_are_not_guessed(chat_model: Path, tmp_path: Path) -> None:
    writer = own.open_writer(Setup(chat_model, tmp_path, "fp32", threads=1, window=32, device="cpu"))
    assert writer.engine.speculate is False
    assert writer.runtime == "ONNX Runtime"


def test_the_text_to_compare_losses_on(tmp_path: Path) -> None:
    talk, more = documents(None)
    assert (len(talk), more) == (1, False)
    short, long = tmp_path / "short.txt", tmp_path / "long.txt"
    short.write_text("Just this.", encoding="utf-8")
    long.write_text("The quick brown fox jumps over the lazy dog.\n" * 1000, encoding="utf-8")
    assert [document.size for document in documents(short)[0]] == [10]
    assert documents(short)[1] is False
    cut, more = documents(long)
    assert LIMIT // 2 < sum(document.size for document in cut) <= LIMIT
    assert more is True
    with pytest.raises(DataError):
        documents(tmp_path / "none.txt")
