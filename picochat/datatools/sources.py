"""The data sets that `picochat data get` knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from picochat.errors import ConfigError
from picochat.text.datasets import HubDataset

HUB = "https://huggingface.co/datasets"
_SLACK = 4
"""A download may be so many times as large as expected before it is given up: sizes are rounded, and files change."""


@dataclass(frozen=True)
class Source:
    """A data set: what it is, under what terms, and where."""

    name: str
    about: str
    licence: str
    size: int
    """Bytes of the file that is written, about."""
    where: str
    """The file itself, or the data set's page."""
    kind: Literal["file", "articles", "texts", "conversations"]
    """A file as it is; or records of a data set: lines of articles, texts, or conversations."""
    dataset: HubDataset | None = None
    """Where records come from; `None` for a file."""
    sha256: str | None = None
    """The file's hash, where it never changes."""

    @property
    def file_name(self) -> str:
        """What the file is called unless the user names it; the suffix tells the format."""
        return f"{self.name}{'.jsonl' if self.kind == 'conversations' else '.txt'}"

    @property
    def limit(self) -> int:
        """The most bytes that are taken."""
        return _SLACK * self.size


_ALL = [
    Source(
        name="tinyshakespeare",
        about="Plays of Shakespeare in one text: the classic first experiment, by characters",
        licence="public domain",
        size=1_115_394,
        where="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        kind="file",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    Source(
        name="wikitext-2",
        about="Wikipedia articles, raw: the training part of a common benchmark",
        licence="CC BY-SA 3.0 and GFDL",
        size=11_000_000,
        where=f"{HUB}/Salesforce/wikitext",
        kind="articles",
        dataset=HubDataset("Salesforce/wikitext", "wikitext-2-raw-v1"),
    ),
    Source(
        name="tinystories",
        about="Two million short stories in the words of a small child, written by GPT-3.5 and GPT-4",
        licence="CDLA-Sharing-1.0",
        size=1_900_000_000,
        where=f"{HUB}/roneneldan/TinyStories",
        kind="texts",
        dataset=HubDataset("roneneldan/TinyStories"),
    ),
    Source(
        name="everyday-conversations",
        about="Two thousand short conversations of a user and an assistant, written by Llama 3.1",
        licence="Apache-2.0",
        size=2_000_000,
        where=f"{HUB}/HuggingFaceTB/everyday-conversations-llama3.1-2k",
        kind="conversations",
        dataset=HubDataset("HuggingFaceTB/everyday-conversations-llama3.1-2k", split="train_sft"),
    ),
]
SOURCES = {source.name: source for source in _ALL}


def find_source(name: str) -> Source:
    """The source of a name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return SOURCES[name]
    except KeyError:
        raise ConfigError(f"There is no data set named {name!r}; there are {', '.join(SOURCES)}.") from None
