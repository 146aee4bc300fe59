"""What a run learns from: a tokenizer, token streams, and the facts that its checkpoints tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picochat.errors import ConfigError
from picochat.model.config import PRESETS
from picochat.text.batches import TokenStream, encode_documents
from picochat.text.corpus import Conversation, Document, corpus_digest, read_corpus, split_corpus
from picochat.text.shards import is_shards, open_shards
from picochat.text.tokenizer import KINDS, Tokenizer
from picochat.training.config import TrainConfig


@dataclass(frozen=True)
class Material:
    """The data of a run, ready to be cut into batches.

    Attributes:
        count: documents in all.
        facts: what a checkpoint says of the data, and what must be the same for a run to be resumed.
    """

    tokenizer: Tokenizer
    train: TokenStream
    held_out: TokenStream
    count: int
    facts: dict[str, Any]

    @property
    def describe(self) -> str:
        """The data in a few words."""
        what = "conversations" if self.facts["kind"] == "chat" else "documents"
        return (
            f"{self.count:,} {what}, {self.train.tokens:,} tokens to learn from; {self.tokenizer.kind} tokenizer of "
            f"{self.tokenizer.vocab_size:,}"
        )


def read_material(config: TrainConfig, tokenizer: Tokenizer | None = None) -> Material:
    """Read the data that the settings name: text, or the shards that `picochat prepare` made of it.

    Args:
        tokenizer: that of a run to go on with; its data is then compared file by file.

    Raises:
        PicochatError: data that can't be read, or settings that don't go with it.
    """
    return _from_shards(config, tokenizer) if is_shards(config.data) else _from_text(config, tokenizer)


def _from_text(config: TrainConfig, tokenizer: Tokenizer | None) -> Material:
    documents = read_corpus(config.data)
    train, held_out = split_corpus(documents, config.val_fraction, config.seed)
    tokenizer = tokenizer or make_tokenizer(config, train)
    stream = encode_documents(train, tokenizer)
    facts = {
        "data": config.data.name,
        "data_digest": corpus_digest(documents),
        "split_digest": corpus_digest(held_out),
        "kind": "chat" if 2 * sum(isinstance(each, Conversation) for each in documents) >= len(documents) else "text",
        "train_tokens": stream.tokens,
    }
    return Material(tokenizer, stream, encode_documents(held_out, tokenizer), len(documents), facts)


def _from_shards(config: TrainConfig, tokenizer: Tokenizer | None) -> Material:
    decided = [
        name
        for name in ("tokenizer", "vocab_size", "val_fraction")
        if getattr(config, name) != TrainConfig.model_fields[name].default
    ]
    if decided and tokenizer is None:
        raise ConfigError(f"{config.data} was prepared with its own {decided[0].replace('_', '-')}; leave that setting out.")
    shards = open_shards(config.data, tokenizer=tokenizer, check=tokenizer is not None)
    facts = {
        "data": config.data.name,
        "data_digest": shards.manifest.key,
        "split_digest": shards.manifest.digest("held_out"),
        "kind": "chat" if shards.is_chat else "text",
        "train_tokens": shards.train.tokens,
    }
    count = shards.manifest.documents("train") + shards.manifest.documents("held_out")
    return Material(shards.tokenizer, shards.train, shards.held_out, count, facts)


def make_tokenizer(config: TrainConfig, documents: list[Document]) -> Tokenizer:
    """Train the tokenizer that the settings ask for, or read the one they name."""
    if config.tokenizer not in KINDS:
        return Tokenizer.from_file(Path(config.tokenizer))
    return Tokenizer.train(
        (text for document in documents for text in texts_of(document)),
        config.tokenizer,
        config.vocab_size or PRESETS[config.size]["vocab_size"],
    )


def texts_of(document: Document) -> list[str]:
    """A document's text as the tokenizer meets it: role headers stand before messages."""
    if isinstance(document, Conversation):
        return [part for message in document.messages for part in (f"{message.role}\n", message.content)]
    return [document.content]
