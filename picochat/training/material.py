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
from picochat.training.sizing import DataSize


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


class TextData:
    """Documents of text files, split; their tokenizer is there already, or can wait until the network's size is known.

    Raises:
        PicochatError: data that can't be read.
    """

    def __init__(self, config: TrainConfig, tokenizer: Tokenizer | None = None) -> None:
        self.documents = read_corpus(config.data)
        self.train, self.held_out = split_corpus(self.documents, config.val_fraction, config.seed)
        self.tokenizer = tokenizer or (None if config.tokenizer == "bpe" else make_tokenizer(config, self.train))
        self._stream: TokenStream | None = None

    @property
    def chats(self) -> bool:
        """Whether most documents are conversations."""
        return 2 * sum(isinstance(each, Conversation) for each in self.documents) >= len(self.documents)

    def size(self) -> DataSize:
        """How much there is to learn from."""
        if self.tokenizer is None:
            octets = sum(len(text.encode()) for document in self.train for text in texts_of(document))
            return DataSize(octets, len(self.train), self.chats)
        tokens = self._encoded(self.tokenizer).tokens
        return DataSize(0, len(self.train), self.chats, vocab_size=self.tokenizer.vocab_size, tokens=tokens)

    def material(self, config: TrainConfig) -> Material:
        """The documents as tokens."""
        tokenizer = self.tokenizer = self.tokenizer or make_tokenizer(config, self.train)
        stream = self._encoded(tokenizer)
        facts = {
            "data": config.data.name,
            "data_digest": corpus_digest(self.documents),
            "split_digest": corpus_digest(self.held_out),
            "kind": "chat" if self.chats else "text",
            "train_tokens": stream.tokens,
        }
        return Material(tokenizer, stream, encode_documents(self.held_out, tokenizer), len(self.documents), facts)

    def _encoded(self, tokenizer: Tokenizer) -> TokenStream:
        if self._stream is None:
            self._stream = encode_documents(self.train, tokenizer)
        return self._stream


class ShardData:
    """What `picochat prepare` has made of text.

    Args:
        tokenizer: that of a run to go on with; the data is then compared file by file.

    Raises:
        PicochatError: data that can't be read, or settings that don't go with it.
    """

    def __init__(self, config: TrainConfig, tokenizer: Tokenizer | None = None, *, check: bool = False) -> None:
        decided = [
            name
            for name in ("tokenizer", "vocab_size", "val_fraction")
            if getattr(config, name) != TrainConfig.model_fields[name].default
        ]
        if decided and tokenizer is None:
            raise ConfigError(
                f"{config.data} was prepared with its own {decided[0].replace('_', '-')}; leave that setting out."
            )
        self.shards = open_shards(config.data, tokenizer=tokenizer, check=check)

    def size(self) -> DataSize:
        """How much there is to learn from."""
        shards = self.shards
        count, vocab_size = shards.manifest.documents("train"), shards.tokenizer.vocab_size
        return DataSize(0, count, shards.is_chat, vocab_size=vocab_size, tokens=shards.train.tokens)

    def material(self, config: TrainConfig) -> Material:
        """The shards as they are."""
        shards = self.shards
        facts = {
            "data": config.data.name,
            "data_digest": shards.manifest.key,
            "split_digest": shards.manifest.digest("held_out"),
            "kind": "chat" if shards.is_chat else "text",
            "train_tokens": shards.train.tokens,
        }
        count = shards.manifest.documents("train") + shards.manifest.documents("held_out")
        return Material(shards.tokenizer, shards.train, shards.held_out, count, facts)


def open_data(config: TrainConfig, tokenizer: Tokenizer | None = None, *, resuming: bool = False) -> TextData | ShardData:
    """Open the data that the settings name: text, or the shards that `picochat prepare` made of it.

    Args:
        tokenizer: that of a run to go on with, or of a model to start from.
        resuming: the data must be what it was.

    Raises:
        PicochatError: data that can't be read, or settings that don't go with it.
    """
    if is_shards(config.data):
        return ShardData(config, tokenizer, check=resuming)
    return TextData(config, tokenizer)


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
