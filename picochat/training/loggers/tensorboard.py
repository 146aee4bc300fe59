"""Logging to TensorBoard."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import yaml

from picochat.metrics import Record
from picochat.training.loggers.logger import Ending, numbers

FLUSH_SECONDS = 20


class TensorBoardLogger:
    """Writes event files to `tensorboard` in the run folder."""

    name = "TensorBoard"

    def start(self, folder: Path, config: dict[str, Any], facts: dict[str, Any], step: int) -> str:
        """Open a new event file; what older ones hold of later steps is hidden."""
        from torch.utils.tensorboard import SummaryWriter

        place = folder / self.name.lower()
        self._writer = SummaryWriter(str(place), purge_step=step + 1, flush_secs=FLUSH_SECONDS)
        for title, values in (("config", config), ("facts", facts)):
            self._text(title, yaml.safe_dump(values, sort_keys=False), step)
        return f"TensorBoard shows the run with: tensorboard --logdir {quote(str(place))}"

    def log(self, record: Record) -> None:
        """Add a point to every curve, and the sample."""
        step = record["step"]
        for name, value in numbers(record).items():
            self._writer.add_scalar(name, value, step)
        if "sample" in record:
            self._text("sample", record["sample"], step)

    def finish(self, ending: Ending) -> None:
        """Write what is left."""
        self._writer.close()

    def _text(self, title: str, text: str, step: int) -> None:
        # it is shown as Markdown, in which an indented text stays as it is
        self._writer.add_text(title, "    " + text.replace("\n", "\n    "), step)
