"""From settings to a run that can start: read, split, tokenize, build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from picochat.errors import ConfigError
from picochat.model.config import PRESETS, ModelConfig
from picochat.model.device import resolve_device
from picochat.runs import check_free
from picochat.text.batches import TokenStream, encode_documents
from picochat.text.corpus import Conversation, Document, corpus_digest, read_corpus, split_corpus
from picochat.text.tokenizer import KINDS, Tokenizer
from picochat.training.config import TrainConfig
from picochat.training.run import RunFolder
from picochat.training.trainer import Reporter, SampleWriter, Silent, Trainer


def prepare(
    config: TrainConfig,
    *,
    force: bool = False,
    resume: bool = False,
    save: bool = True,
    reporter: Reporter | None = None,
    sample: SampleWriter | None = None,
) -> Trainer:
    """Read the data and build the run that `config` describes.

    Args:
        force: replace a run that is already in the folder.
        resume: go on with the run in `config.out`, from its saved state.
        save: write a run folder.
        sample: lets the model write at each evaluation.

    Raises:
        PicochatError: data, settings or folder that can't be used.
    """
    reporter = reporter or Silent()
    resolve_device(config.device)
    run = RunFolder.open(config.out) if resume else None
    state = run.read_state() if run else None
    if config.out and save and not resume:
        check_free(config.out, force=force)
    documents = read_corpus(config.data)
    train, held_out = split_corpus(documents, config.val_fraction, config.seed)
    tokenizer = Tokenizer.from_json(state["tokenizer"]) if state else make_tokenizer(config, train)
    shape = config.model_config_for(tokenizer.vocab_size)
    streams = encode_documents(train, tokenizer), encode_documents(held_out, tokenizer)
    reporter.note(describe(documents, streams[0], tokenizer, shape))
    if not save:
        run = None
    elif run is None:
        run = RunFolder.create(config, shape, force=force)
    facts = {
        "data": config.data.name,
        "data_digest": corpus_digest(documents),
        "split_digest": corpus_digest(held_out),
        "kind": "chat" if _is_chat(documents) else "text",
        "train_tokens": streams[0].tokens,
    }
    trainer = Trainer(config, tokenizer, *streams, run=run, facts=facts, reporter=reporter, sample=sample)
    if state:
        trainer.restore(state)
        if trainer.finished:
            raise ConfigError(
                f"The run in {config.out} is finished ({trainer.clock.step} steps); "
                "go on with --steps, --epochs or --time, each of which is so much more."
            )
        if run:
            run.forget_after(trainer.clock.step)
            run.write_config(config)
        reporter.note(f"Resuming at step {trainer.clock.step}.")
    return trainer


def resumed_config(out: Path | None, changes: dict[str, Any]) -> TrainConfig:
    """The settings of a run to go on with: its own, with `changes` over them.

    A new `steps`, `epochs` or `time` takes the place of the run's old limit, and counts from where the run stands.
    """
    run = RunFolder.open(out)
    config = run.read_config()
    state = run.read_state()
    clock = state["clock"]
    limits = {name: changes[name] for name in ("steps", "epochs", "time") if name in changes}
    done = {
        "steps": clock["step"],
        "epochs": clock["tokens"] / max(1, state["facts"].get("train_tokens", 1)),
        "time": clock["elapsed"],
    }
    if limits:
        changes = {**changes, **dict.fromkeys(done), **{name: value + done[name] for name, value in limits.items()}}
    return config.changed(**{**changes, "out": run.path})


def make_tokenizer(config: TrainConfig, documents: list[Document]) -> Tokenizer:
    """Train the tokenizer that the settings ask for, or read the one they name."""
    if config.tokenizer not in KINDS:
        return Tokenizer.from_file(Path(config.tokenizer))
    if config.preset not in PRESETS:
        raise ConfigError(f"There is no preset '{config.preset}'; choose one of {', '.join(PRESETS)}.")
    return Tokenizer.train(
        (text for document in documents for text in texts_of(document)),
        config.tokenizer,
        config.vocab_size or PRESETS[config.preset]["vocab_size"],
    )


def texts_of(document: Document) -> list[str]:
    """A document's text as the tokenizer meets it: role headers stand before messages."""
    if isinstance(document, Conversation):
        return [part for message in document.messages for part in (f"{message.role}\n", message.content)]
    return [document.content]


def describe(documents: list[Document], stream: TokenStream, tokenizer: Tokenizer, shape: ModelConfig) -> str:
    """One sentence on what is about to be trained."""
    what = "conversations" if _is_chat(documents) else "documents"
    return (
        f"{len(documents):,} {what}, {stream.tokens:,} tokens to learn from; {tokenizer.kind} tokenizer of "
        f"{tokenizer.vocab_size:,}; {shape.architecture} network of {shape.parameters / 1e6:.1f}M parameters."
    )


def _is_chat(documents: list[Document]) -> bool:
    return 2 * sum(isinstance(document, Conversation) for document in documents) >= len(documents)
