from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from picochat.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from picochat.errors import CheckpointError, ConfigError
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.corpus import read_corpus
from picochat.text.tokenizer import SPECIAL_TOKENS, Tokenizer
from picochat.training.config import TrainConfig
from picochat.training.material import texts_of
from picochat.training.setup import prepare, resumed_config
from picochat.training.warm_start import Report, inherited, inherited_shape, inherited_tokenizer, warm_start

TEXTS = ["the cat sat on the mat, the dog on the log", "how now brown cow, said the brown dog"]
SHAPE: dict[str, Any] = {"preset": "nano", "layers": 2, "heads": 2, "dim": 32, "context": 16}


@functools.cache
def tokenizer_of(kind: str, *texts: str) -> Tokenizer:
    return Tokenizer.train(texts or TEXTS, kind, 300)


def source_of(kind: str = "bpe", **shape: Any) -> Checkpoint:
    """A model of random weights, none of them as fresh ones are."""
    tokenizer = tokenizer_of(kind)
    config = ModelConfig.create(**{**SHAPE, "vocab_size": tokenizer.vocab_size, **shape})
    torch.manual_seed(7)
    weights = {name: torch.randn_like(tensor) for name, tensor in GPT(config).saved_weights().items()}
    return Checkpoint(config, tokenizer, weights, path=Path("source.pt"))


def fresh(config: ModelConfig) -> GPT:
    torch.manual_seed(1)
    return GPT(config)


def start(source: Checkpoint, *, kind: str = "", **changes: Any) -> tuple[GPT, Tokenizer, Report]:
    """A model as the source's, but for the changes, started from it."""
    tokenizer = tokenizer_of(kind, "quite another text, of other words") if kind else source.tokenizer
    shape = {**SHAPE, "architecture": source.config.architecture, "vocab_size": tokenizer.vocab_size, **changes}
    model = fresh(ModelConfig.create(**shape))
    return model, tokenizer, warm_start(model, tokenizer, source, allow_mismatch=True)


def names(report: Report) -> set[str]:
    return {mismatch.name for mismatch in report.mismatches}


# -- the settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "qwen3"])
def test_without_wishes_the_shape_is_the_sources(architecture: str) -> None:
    source = source_of(
        architecture=architecture, kv_heads=1, ff_dim=40, tied=False, position="alibi", dropout=0.1, rope_theta=500.0,
        norm_eps=1e-3,
    )  # fmt: skip
    config = inherited(TrainConfig(data=Path("x")), source.config)
    shape = inherited_shape(config, source.config.vocab_size, source.config)
    assert shape == source.config
    # what a resumed run reads from its folder: all settings are given there
    again = TrainConfig.parse(config.to_plain())
    assert inherited(again, source.config) == again


def test_heads_wider_than_their_share_are_kept() -> None:
    source = replace(source_of().config, head_dim=24)
    config = inherited(TrainConfig(data=Path("x")), source)
    assert inherited_shape(config, 300, source).head_dim == 24
    assert inherited_shape(config.changed(heads=4), 300, source).head_dim == 8


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({"layers": 3}, {"layers": 3, "dim": 32, "heads": 2, "ff_dim": 40}),
        ({"embedding": 64}, {"layers": 2, "dim": 64, "ff_dim": 176}),
        ({"heads": 4}, {"heads": 4, "kv_heads": 4, "ff_dim": 40}),
        ({"architecture": "gpt2"}, {"architecture": "gpt2", "position": "learned", "ff_dim": 128, "norm": "layernorm"}),
        ({"preset": "nano"}, {"layers": 4, "dim": 128, "heads": 4, "kv_heads": 4, "context": 256, "ff_dim": 384}),
        ({"preset": "nano", "layers": 2}, {"layers": 2, "dim": 128}),
    ],
)
def test_a_wish_stays_and_what_follows_from_it_follows(wishes: dict[str, Any], expected: dict[str, Any]) -> None:
    source = source_of(kv_heads=1, ff_dim=40).config
    config = inherited(TrainConfig(data=Path("x"), **wishes), source)
    shape = inherited_shape(config, 300, source).to_dict()
    assert {name: shape[name] for name in expected} == expected


def test_the_tokenizer_is_the_sources_unless_another_is_asked_for() -> None:
    source = source_of()
    config = TrainConfig(data=Path("x"))
    assert inherited_tokenizer(config, source) is source.tokenizer
    for wish in ({"tokenizer": "char"}, {"vocab_size": 300}):
        assert inherited_tokenizer(config.changed(**wish), source) is None


# -- the weights --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "qwen3"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_same_shape_takes_everything(architecture: str, tied: bool) -> None:
    source = source_of(architecture=architecture, tied=tied)
    model = fresh(source.config)
    report = warm_start(model, source.tokenizer, source)
    assert report.copied == report.parameters == source.config.parameters
    assert "what differs" not in report.describe()
    ids = torch.arange(10)[None]
    torch.testing.assert_close(model.eval()(ids), source.build()(ids))
    model.embedding.weight.data.zero_()
    assert source.weights["embedding.weight"].abs().sum() > 0  # a copy


def test_nothing_is_copied_unless_all_fits_or_a_part_is_enough() -> None:
    source = source_of()
    model = fresh(ModelConfig.create(**{**SHAPE, "layers": 1, "vocab_size": source.tokenizer.vocab_size}))
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with pytest.raises(ConfigError, match=r"in 1 place \(layers: 2 there, 1 here\).*--allow-mismatch") as error:
        warm_start(model, source.tokenizer, source)
    assert "\n" not in str(error.value)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_of_fewer_layers_the_first_are_taken() -> None:
    source = source_of(layers=3)
    model, _, report = start(source, layers=2)
    assert all(torch.equal(weight, source.weights[name]) for name, weight in model.saved_weights().items())
    assert report.copied == report.parameters
    assert names(report) == {"layers"}


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "qwen3"])
@pytest.mark.parametrize("layers", [3, 4, 5, 9])
def test_more_layers_begin_as_the_same_function_and_learn(architecture: str, layers: int) -> None:
    source = source_of(architecture=architecture, layers=3)
    model = fresh(ModelConfig.create(**{**source.config.to_dict(), "preset": "nano", "layers": layers}))
    report = warm_start(model, source.tokenizer, source)
    assert report.added == layers - 3
    assert report.copied == report.parameters
    ids = torch.arange(10)[None]
    torch.testing.assert_close(model.eval()(ids), source.build().eval()(ids))
    # the outputs of all layers are moved by the first step, those of the copies too
    model(ids).square().sum().backward()
    ends = [weight.grad for name, weight in model.named_parameters() if name.endswith((".out.weight", ".down.weight"))]
    assert len(ends) == 2 * layers
    assert all(grad is not None and grad.abs().sum() > 0 for grad in ends)


@given(theirs=st.integers(2, 24), ours=st.integers(2, 24))
def test_the_common_part_of_learned_positions_is_taken(theirs: int, ours: int) -> None:
    source = source_of(architecture="gpt2", context=theirs)
    model, _, report = start(source, context=ours)
    common = min(theirs, ours)
    assert torch.equal(model.positions.weight[:common], source.weights["positions.weight"][:common])
    untouched = fresh(model.config).positions.weight[common:]
    assert torch.equal(model.positions.weight[common:], untouched)
    assert names(report) == (set() if theirs == ours else {"positions.weight"})


def test_a_longer_window_of_rotary_positions_is_no_mismatch() -> None:
    assert names(start(source_of(), context=64)[2]) == set()


@pytest.mark.parametrize("theirs", ["bpe", "char", "word"])
@pytest.mark.parametrize("ours", ["bpe", "char", "word"])
def test_rows_go_with_what_their_tokens_stand_for(theirs: str, ours: str) -> None:
    source = source_of(theirs, tied=False)
    model, tokenizer, report = start(source, kind=ours, tied=False)
    assert names(report) == {"embedding.weight", "head.weight"}
    untouched = fresh(model.config)
    assert model.embedding.weight.shape[0] == tokenizer.vocab_size
    for text in ("e", "o", "r", " "):
        mine, its = tokenizer.encode(text)[-1], source.tokenizer.encode(text)[-1]
        assert tokenizer.token_bytes(mine) == source.tokenizer.token_bytes(its)
        for name in ("embedding.weight", "head.weight"):
            assert torch.equal(model.saved_weights()[name][mine], source.weights[name][its])
    for marker in SPECIAL_TOKENS:
        mine, its = (each._backend.token_to_id(marker) for each in (tokenizer, source.tokenizer))
        assert torch.equal(model.embedding.weight[mine], source.weights["embedding.weight"][its])
    known = {source.tokenizer.token_bytes(token) for token in range(source.tokenizer.vocab_size)}
    for token in range(tokenizer.vocab_size):
        if token not in tokenizer.special_ids and tokenizer.token_bytes(token) not in known:
            assert torch.equal(model.embedding.weight[token], untouched.embedding.weight[token])


def test_as_many_tokens_that_mean_something_else_are_a_mismatch() -> None:
    abc, xyz = tokenizer_of("char", "abc"), tokenizer_of("char", "xyz")
    assert abc.vocab_size == xyz.vocab_size
    source = replace(source_of(vocab_size=abc.vocab_size), tokenizer=abc)
    with pytest.raises(ConfigError, match="embedding"):
        warm_start(fresh(source.config), xyz, source)


def test_rows_without_a_token_are_no_mismatch() -> None:
    source = source_of()
    vocab = source.tokenizer.vocab_size
    padded = source_of(vocab_size=vocab + 20)
    for theirs, ours in ((padded, vocab), (source, vocab + 20)):
        model = fresh(replace(source.config, vocab_size=ours))
        assert not warm_start(model, theirs.tokenizer, theirs).mismatches
        assert torch.equal(model.embedding.weight[:vocab], theirs.weights["embedding.weight"][:vocab])


def test_a_tied_head_becomes_one_of_its_own() -> None:
    source = source_of(tied=True)
    model, _, report = start(source, tied=False)
    assert not report.mismatches
    ids = torch.arange(10)[None]
    torch.testing.assert_close(model.eval()(ids), source.build()(ids))
    assert names(start(source_of(tied=False), tied=True)[2]) == {"head.weight"}


@pytest.mark.parametrize(
    ("changes", "differs"),
    [({"heads": 4}, "heads"), ({"position": "alibi"}, "position"), ({"rope_theta": 500.0}, "rope_theta")],
)
def test_weights_of_the_same_size_that_mean_something_else_are_told(changes: dict[str, Any], differs: str) -> None:
    source = source_of(architecture="llama")
    report = start(source, **changes)[2]
    assert differs in names(report)
    assert report.copied == report.parameters


def test_another_width_fits_nowhere() -> None:
    source = source_of()
    with pytest.raises(ConfigError, match="Nothing of source"):
        start(source, dim=48, head_dim=8)


def test_the_report_is_a_table_of_what_differs() -> None:
    table = start(source_of(architecture="gpt2"), kind="char", context=8, layers=1)[2].describe().splitlines()
    assert table[0].startswith("Starting from source.pt: ")
    assert table[1].split() == ["theirs", "ours", "taken"]
    assert any(line.split() == ["positions.weight", "16", "x", "32", "8", "x", "32", "8", "rows"] for line in table)
    assert any(line.split() == ["layers", "2", "1", "1"] for line in table)
    # in each layer the norms of queries and keys, and a wider feed-forward part
    longest = start(source_of(layers=9, architecture="llama"), architecture="qwen3", layers=9, ff_dim=40)[2]
    assert len(longest.mismatches) == 36
    assert longest.describe().splitlines()[-1] == "  and 12 more"


def test_a_damaged_source_is_refused() -> None:
    source = source_of()
    del source.weights["norm.weight"]
    with pytest.raises(CheckpointError, match="damaged"):
        warm_start(fresh(source.config), source.tokenizer, source)


# -- real models --------------------------------------------------------------------------------------------------------


def test_training_goes_on_from_the_models_loss(chat_model: Path, chat_file: Path, tmp_path: Path) -> None:
    source = load_checkpoint(chat_model)
    settings = {"data": chat_file, "steps": 20, "eval_every": 20, "batch_size": 8, "device": "cpu", "warmup": 0.5}
    trainer = prepare(TrainConfig.parse({**settings, "init_from": chat_model, "out": tmp_path / "run"}))
    assert trainer.shape == source.config
    assert trainer.tokenizer.to_json() == source.tokenizer.to_json()
    assert trainer.evaluate()["val_loss"] == pytest.approx(source.training["val_loss"], rel=0.01)  # weights are kept as fp16
    fresh_loss = prepare(TrainConfig.parse({**settings, "size": "nano"}), save=False).evaluate()["val_loss"]
    assert trainer.fit().val_loss < fresh_loss / 2
    # the run can be resumed without the model that it began from
    again = prepare(resumed_config(tmp_path / "run", {"steps": 2, "init_from": tmp_path / "gone.pt"}), resume=True)
    assert again.fit().step == 22


def test_what_does_not_fit_leaves_no_run_behind(chat_model: Path, chat_file: Path, tmp_path: Path) -> None:
    settings = {"data": chat_file, "steps": 2, "device": "cpu", "init_from": chat_model, "embedding": 32}
    with pytest.raises(ConfigError, match="--allow-mismatch"):
        prepare(TrainConfig.parse({**settings, "out": tmp_path / "run"}))
    assert not (tmp_path / "run").exists()


def test_a_model_with_other_ids_for_nearly_the_same_tokens_still_knows_its_texts(
    chat_model: Path, chat_file: Path, tmp_path: Path
) -> None:
    source = load_checkpoint(chat_model)
    texts = [text for document in read_corpus(chat_file) for text in texts_of(document)]
    other = Tokenizer.train([*texts, *(["zebra zoo zigzag "] * 99)], "bpe", 400)
    (tmp_path / "tokenizer.json").write_text(other.to_json(), encoding="utf-8")
    settings = TrainConfig(data=chat_file, tokenizer=str(tmp_path / "tokenizer.json"), batch_size=8, device="cpu")
    trainer = prepare(inherited(settings, source.config), save=False)
    before = trainer.evaluate()["val_loss"]
    report = warm_start(trainer.learner.model, trainer.tokenizer, source, allow_mismatch=True)
    assert names(report) == {"embedding.weight"}
    assert other.encode("Hello Ada") != source.tokenizer.encode("Hello Ada")
    assert trainer.evaluate()["val_loss"] < before / 2


def test_a_model_file_and_a_run_folder_serve(chat_model: Path, tmp_path: Path) -> None:
    source = load_checkpoint(chat_model.parent)
    model = fresh(source.config)
    warm_start(model, source.tokenizer, source)
    save_checkpoint(tmp_path / "again.pt", model, source.tokenizer)
    again = load_checkpoint(tmp_path / "again.pt").weights
    assert all(torch.equal(again[name], weight.float()) for name, weight in source.weights.items())
