"""From transformers to picochat, on with training, and back: as a user does it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import picochat
from picochat.checkpoint import load_checkpoint
from picochat.inference.engine import Engine
from picochat.inference.samples import write_sample
from picochat.inference.torch_backend import open_torch
from picochat.interop.hf import read_hf, write_hf
from picochat.interop.source import read_any, shortened
from picochat.text.chat_format import ChatFormat, Message
from picochat.text.turns import plain_turns
from tests.e2e.test_generate import picochat as run
from tests.interop.conftest import ZEPHYR

transformers = pytest.importorskip("transformers")

Make = Callable[..., tuple[Path, Any, Any]]


@pytest.mark.parametrize(("kind", "template"), [("gpt2", None), ("llama", ZEPHYR), ("qwen3", ZEPHYR)])
def test_an_imported_model_is_trained_on_and_exported(
    make_hf: Make, chat_file: Path, tmp_path: Path, kind: str, template: str | None
) -> None:
    folder, theirs, tokenizer = make_hf(kind, template=template)
    imported = read_any(folder)
    imported.save(tmp_path / "m.pt")
    run_settings = {"steps": 60, "batch_size": 8, "eval_every": 20, "device": "cpu", "lr": 0.01}
    result = picochat.train(chat_file, init_from=tmp_path / "m.pt", out=tmp_path / "run", **run_settings)
    assert result.best is not None
    trained = load_checkpoint(result.best)
    assert trained.config.architecture == kind
    assert trained.config.vocab_size == len(tokenizer)
    assert trained.tokenizer.turns == imported.tokenizer.turns
    assert trained.tokenizer.to_json() == imported.tokenizer.to_json()
    with torch.inference_mode():
        before = loss(imported.build(), imported.tokenizer)
        after = loss(trained.build(), trained.tokenizer)
    # it has learnt the assistant's words, and where they end
    assert after < before / 3
    write_hf(trained, tmp_path / "out")
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert type(again) is type(theirs)
    ids = torch.tensor([ChatFormat(trained.tokenizer).prompt([Message("user", "Hi, I'm Ada.")])])
    with torch.inference_mode():
        assert (again(ids).logits - trained.build()(ids)).abs().max() < 1e-4
    assert read_hf(tmp_path / "out").tokenizer.turns == imported.tokenizer.turns


def loss(model: torch.nn.Module, tokenizer: Any) -> float:
    rendered = ChatFormat(tokenizer).render([Message("user", "Hi, I'm Ada."), Message("assistant", "Hello Ada!")])
    ids = torch.tensor([rendered.ids])
    nats = torch.nn.functional.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:], reduction="none")
    said = torch.tensor([part == 4 for part in rendered.parts[1:]])
    return float(nats[said].mean())


def test_a_chat_with_an_imported_model_reads_its_template(make_hf: Make, tmp_path: Path) -> None:
    folder, _, tokenizer = make_hf("llama", template=ZEPHYR)
    read_any(folder).save(tmp_path / "m.pt")
    model = picochat.load(tmp_path / "m.pt", device="cpu")
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Oh </s>"}, {"role": "user", "content": "I"}]
    model.chat(talk, max_tokens=1)
    shown = "".join(map(model.engine.tokenizer.piece, model.engine.cached_ids))
    assert shown == tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    assert model.engine.cached_ids.count(tokenizer.eos_token_id) == 3
    assert model.engine.end_of_turn == {tokenizer.eos_token_id}


def test_an_imported_base_model_goes_on_from_its_mark(make_hf: Make, tmp_path: Path) -> None:
    folder, theirs, tokenizer = make_hf("gpt2")
    read_any(folder).save(tmp_path / "m.pt")
    backend, ours = open_torch(tmp_path / "m.pt", device="cpu")
    assert ours.turns == plain_turns("<s>", "</s>")
    assert not backend.info.chats
    model = picochat.Model(Engine(backend, ours))
    said = model.generate("Hi, I'm", temperature=0, max_tokens=8)
    row = torch.tensor([[tokenizer.bos_token_id, *tokenizer.encode("Hi, I'm", add_special_tokens=False)]])
    their_ids = theirs.generate(row, do_sample=False, max_new_tokens=8, pad_token_id=0)[0, row.shape[1] :].tolist()
    assert said == ours.decode(their_ids)
    sample = write_sample(backend.model, ours, chats=False, prompt=None, tokens=3, seed=1)
    assert isinstance(sample, str)


def test_a_shortened_window_slides(make_hf: Make, tmp_path: Path) -> None:
    folder, _, _ = make_hf("gpt2")
    shorter = shortened(read_hf(folder), 16)
    assert len(shorter.weights["positions.weight"]) == 16
    shorter.save(tmp_path / "m.pt")
    said = list(picochat.load(tmp_path / "m.pt", device="cpu").stream("Hi", max_tokens=40, seed=1))
    assert len(said) == 40 or said[-1].stop == "end"
    assert shortened(read_hf(folder), 99).config.context == 64


def test_the_commands(make_hf: Make, chat_model: Path, tmp_path: Path) -> None:
    folder, _, _ = make_hf("gpt2")
    done = run("import", folder, "-o", tmp_path / "m.pt", "--context", 32, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["architecture"], facts["context"], facts["kind"]) == ("gpt2", 32, "text")
    assert load_checkpoint(tmp_path / "m.pt").config.context == 32
    again = run("import", folder, "-o", tmp_path / "m.pt")
    assert (again.returncode, again.stdout) == (2, b"")
    assert b"--force" in again.stderr

    done = run("export", "-m", chat_model, "--to", "hf", "--dtype", "bfloat16", "--json", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["architecture"], facts["dtype"]) == ("qwen3", "bfloat16")
    assert facts["bytes"] == sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert math.isfinite(facts["checked"]["difference"])
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert (generation["temperature"], generation["top_k"], generation["do_sample"]) == (0.3, 20, True)
