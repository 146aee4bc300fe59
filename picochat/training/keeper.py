"""Saving a run: its states, from which it can go on, and its models, with which one can talk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from picochat.checkpoint import checkpoint_content
from picochat.text.tokenizer import Tokenizer
from picochat.training.compute import DTYPES
from picochat.training.config import TrainConfig
from picochat.training.learner import Learner
from picochat.training.run import RunFolder
from picochat.training.shards import Shards


class Keeper:
    """Writes what a learner has learnt; all its processes must call each method together.

    Args:
        run: the folder, in the first process; `None` elsewhere, or where nothing is written.
        tokenizer: travels with the models.
    """

    def __init__(self, config: TrainConfig, learner: Learner, tokenizer: Tokenizer, run: RunFolder | None) -> None:
        self.config, self.learner, self.tokenizer, self.run = config, learner, tokenizer, run
        folder = learner.world.share(str(run.path) if run else "")
        self.active = bool(folder)
        """Whether the first process has a folder."""
        self._shards = Shards(Path(folder)) if learner.sharded and folder else None

    def save_state(self, state: dict[str, Any]) -> None:
        """Write the state; with --parallel fsdp each process writes its part."""
        step, keep = state["clock"]["step"], self.config.keep_states
        if self._shards:
            state = self._shards.write(step, state, self.learner.world)
        if self.run and self.run.save_state(state, keep) and self._shards:
            self._shards.thin(step, keep)

    def save_model(self, step: int, facts: dict[str, Any], *, best: bool) -> None:
        """Write the model: to look back at, and as the best one if it is.

        Args:
            facts: what its file tells of the training.
        """
        model = self.learner.whole_model() if self.active else None
        if self.run and model:
            content = checkpoint_content(model, self.tokenizer, facts, dtype=DTYPES[self.config.weights_format])
            if best:
                self.run.save_best(step, content)
            self.run.save_model(step, content, self.config.keep)
