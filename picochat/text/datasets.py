"""Records of data sets: `hf:NAME[:CONFIG][/SPLIT]` on the Hugging Face hub, and local Parquet files.

    hf:roneneldan/TinyStories                  the split "train"
    hf:roneneldan/TinyStories/validation
    hf:wikitext:wikitext-2-raw-v1/test         a configuration and a split
    hf:imdb:/test                              a name without an owner, no configuration, a split

Records come one by one, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picochat.errors import DataError
from picochat.text.reading import Meter

PREFIX = "hf:"
COLUMNS = ("messages", "conversations", "text")
"""The columns that hold documents; the first one that a data set has counts."""


@dataclass(frozen=True)
class HubDataset:
    """What an `hf:` source names."""

    name: str
    config: str | None = None
    split: str = "train"

    @classmethod
    def parse(cls, source: str) -> HubDataset:
        """Read `hf:NAME[:CONFIG][/SPLIT]`; raises `DataError` for anything else."""
        name, colon, rest = source.removeprefix(PREFIX).partition(":")
        if colon:
            config, _, split = rest.partition("/")
        else:
            # without a configuration the first slash belongs to the name
            owner, slash, tail = name.partition("/")
            title, _, split = tail.partition("/")
            name, config = f"{owner}{slash}{title}", ""
        if not name.strip("/") or "/" in split or name.count("/") > 1:
            raise DataError(f"A data set is written hf:NAME[:CONFIG][/SPLIT], not {source!r}.")
        return cls(name, config or None, split or "train")

    def revision(self) -> str:
        """The commit that the hub has now; equal commits mean equal data."""
        try:
            from huggingface_hub import dataset_info
        except ImportError:
            raise _missing(f"{PREFIX}{self.name}") from None
        try:
            return str(dataset_info(self.name).sha)
        except Exception as error:  # network, access, spelling: a class each, of several libraries
            raise self._unreadable(error) from None

    def records(self, revision: str | None = None) -> Iterator[dict[str, Any]]:
        """All records in order, fetched as they are asked for."""
        try:
            from datasets import load_dataset
        except ImportError:
            raise _missing(f"{PREFIX}{self.name}") from None
        try:
            rows = load_dataset(self.name, self.config, split=self.split, streaming=True, revision=revision)
            for row in rows:
                yield dict(row)
        except Exception as error:  # as above
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> DataError:
        reason = (str(error).strip().splitlines() or [""])[0]
        return DataError(
            f"The data set {PREFIX}{self.name} can't be read ({type(error).__name__}: {reason}); "
            "check its name, configuration and split, and the network."
        )


def parquet_records(path: Path, meter: Meter | None = None) -> Iterator[dict[str, Any]]:
    """All records of a Parquet file, a row group in memory at a time.

    Raises:
        DataError: damaged, without a column that holds documents, or the package that reads it is missing.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise _missing(str(path)) from None
    try:
        with parquet.ParquetFile(path) as file:
            column = next((name for name in COLUMNS if name in file.schema_arrow.names), None)
            if column is None:
                raise DataError(f"{path} has no column {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}.")
            columns = [name for name in (column, "source") if name in file.schema_arrow.names]
            size, groups = path.stat().st_size, file.num_row_groups
            for group in range(groups):
                for batch in file.iter_batches(batch_size=1024, row_groups=[group], columns=columns):
                    yield from batch.to_pylist()
                if meter is not None:
                    meter(size * (group + 1) // groups - size * group // groups)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} can't be read ({error}); fetch it again.") from None


def _missing(source: str) -> DataError:
    return DataError(f"Reading {source} needs the package datasets: pip install 'picochat[hf]'.")
