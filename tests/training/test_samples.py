from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import picochat
from picochat.inference.samples import GREETING, write_sample
from picochat.runs import run_models
from picochat.training.reporting import Silent
from picochat.training.setup import prepare
from tests.training.test_trainer import config, interrupt_at, metrics

EXACT: dict[str, Any] = {"steps": 20, "eval_every": 5, "precision": "fp32", "dropout": 0.1, "weights_format": "fp32"}


class Notes(Silent):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def samples(folder: Path) -> dict[int, str]:
    return {line["step"]: line["sample"] for line in metrics(folder) if "sample" in line}


def test_samples_change_nothing_else_not_even_across_a_restart(chat_file: Path, tmp_path: Path) -> None:
    prepare(config(chat_file, out=tmp_path / "without", **EXACT)).fit()
    prepare(config(chat_file, out=tmp_path / "with", **EXACT), sample=write_sample).fit()
    broken = config(chat_file, out=tmp_path / "broken", **EXACT)
    trainer = prepare(broken, sample=write_sample)
    interrupt_at(trainer, 10)
    trainer.fit()
    prepare(broken, resume=True, sample=write_sample).fit()
    plain, sampled, resumed = ([line["loss"] for line in metrics(tmp_path / n)] for n in ("without", "with", "broken"))
    assert plain == sampled == resumed
    assert samples(tmp_path / "without") == {}
    assert samples(tmp_path / "with") == samples(tmp_path / "broken")
    assert sorted(samples(tmp_path / "with")) == [5, 10, 15, 20]


def test_a_sample_is_what_the_model_of_that_step_answers(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    longer = {**EXACT, "steps": 120, "eval_every": 40, "dropout": 0.0}
    settings = config(chat_file, out=out, **longer, sample_prompt="I like soup.", sample_tokens=12, seed=3)
    prepare(settings, sample=write_sample).fit()
    written = samples(out)
    assert any(written.values())
    for model in run_models(out):
        # unasked, a busy machine may find 8 bits quicker, and they turn a near draw
        answer = picochat.load(model.path, device="cpu", precision="fp32").generate("I like soup.", max_tokens=12, seed=3)
        assert written[model.step or 0] == answer


def test_a_model_that_chats_is_greeted(chat_file: Path, tmp_path: Path) -> None:
    trainer = prepare(config(chat_file), save=False)
    model, wishes = trainer.learner.model, {"tokens": 30, "seed": 1}
    default = write_sample(model, trainer.tokenizer, chats=True, prompt=None, **wishes)
    assert default == write_sample(model, trainer.tokenizer, chats=True, prompt=GREETING, **wishes)
    assert default != write_sample(model, trainer.tokenizer, chats=True, prompt="I like soup.", **wishes)


def test_plain_text_begins_anew_and_a_prompt_can_be_given(plain_file: Path, tmp_path: Path) -> None:
    for name, prompt in (("anew", None), ("given", "The quick ")):
        settings = config(plain_file, out=tmp_path / name, **{**EXACT, "steps": 5}, sample_prompt=prompt, sample_tokens=9)
        prepare(settings, sample=write_sample).fit()
        written = picochat.load(run_models(tmp_path / name)[-1].path, device="cpu")
        assert samples(tmp_path / name) == {5: written.generate(prompt or "", max_tokens=9, seed=0)}
    assert samples(tmp_path / "anew") != samples(tmp_path / "given")


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(chat_file: Path, training: bool) -> None:
    trainer = prepare(config(chat_file, dropout=0.5), save=False)
    model = trainer.learner.model.train(training)
    weights = {name: weight.clone() for name, weight in model.saved_weights().items()}
    random = torch.get_rng_state()
    texts = {write_sample(model, trainer.tokenizer, chats=True, prompt="Hi \U0001f600", tokens=60, seed=1) for _ in range(2)}
    assert len(texts) == 1  # no dropout while it writes
    assert model.training is training
    assert all(torch.equal(weights[name], weight) for name, weight in model.saved_weights().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(weight.requires_grad for weight in model.parameters())


def test_a_sample_that_fails_is_told_once_and_ends_nothing(chat_file: Path, tmp_path: Path) -> None:
    def fail(*_: object, **__: object) -> str:
        raise RuntimeError("out of luck")

    told = Notes()
    result = prepare(config(chat_file, out=tmp_path / "run", steps=4, eval_every=2), sample=fail, reporter=told).fit()
    assert result.step == 4
    assert [line["step"] for line in metrics(tmp_path / "run") if "val_loss" in line] == [2, 4]
    assert samples(tmp_path / "run") == {}
    assert [note for note in told.notes if "out of luck" in note] == [
        "The model could not write a sample (RuntimeError: out of luck)."
    ]


def test_no_length_is_no_sample(chat_file: Path, tmp_path: Path) -> None:
    prepare(config(chat_file, out=tmp_path / "run", steps=2, sample_tokens=0), sample=write_sample).fit()
    assert samples(tmp_path / "run") == {}


def test_a_run_from_python_has_samples_too(chat_model: Path) -> None:
    assert set(samples(chat_model.parent)) == {40, 80, 120}
