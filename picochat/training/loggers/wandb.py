"""Logging to Weights & Biases."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import Any

from picochat.errors import ConfigError
from picochat.metrics import Record
from picochat.training.loggers.logger import Ending, keep_id, known_id, numbers

PROJECT = "picochat"
SERVICE = "wandb"
DEFAULTS = {
    "WANDB_SILENT": "true",
    # without a server the training begins after seconds, and the command ends: `wandb sync` uploads what is left
    "WANDB_INIT_TIMEOUT": "30",
    "WANDB_FINISH_TIMEOUT": "300",
}
"""Its own variables, where they are not set."""


class WandbLogger:
    """Logs a run of its folder's name; its own variables hold, such as WANDB_MODE=offline and WANDB_PROJECT."""

    name = "Weights & Biases"

    def start(self, folder: Path, config: dict[str, Any], facts: dict[str, Any], step: int) -> str:
        """Begin a run, or go on with the one that the folder remembers."""
        import wandb

        for variable, value in DEFAULTS.items():
            os.environ.setdefault(variable, value)
        # its own question for the account would be drawn over by the progress line
        if wandb.setup().settings.mode in ("online", "run") and not wandb.login(prompt=False, verify=False):
            raise ConfigError("There is no account here; run `wandb login` first, or set WANDB_MODE=offline.")
        before = known_id(folder, SERVICE) if step else None
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            name=folder.resolve().name,
            dir=folder.resolve(),
            config={**config, "facts": facts},
            allow_val_change=True,
            id=before,
            resume="allow" if before else None,
            # stdout and stderr are ours
            settings=wandb.Settings(console="off"),
        )
        keep_id(folder, SERVICE, self._run.id)
        if self._run.disabled:
            return "Weights & Biases is switched off."
        if self._run.offline:
            return f"Weights & Biases is offline; upload the run with: wandb sync {quote(str(folder / 'wandb'))}/*run-*"
        return f"Weights & Biases shows the run at {self._run.url}"

    def log(self, record: Record) -> None:
        """Log a step; one that a resumed run does again is ignored there, and has the same numbers."""
        text = {"sample": record["sample"]} if "sample" in record else {}
        self._run.log({**numbers(record), **text}, step=record["step"])

    def finish(self, ending: Ending) -> None:
        """Keep the best scores as the run's summary, and wait for the upload."""
        self._run.summary.update(ending.scores())
        self._run.finish(exit_code=int(ending.status == "failed"))
