"""The training loop: `Trainer.fit`, on one screen."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from picochat.errors import CheckpointError, DataError, OutputError, TrainingError
from picochat.interrupt import Interrupt
from picochat.metrics import RunLog
from picochat.text.packing import batch_maker, held_out_batches
from picochat.training.advice import Course, advise, curve
from picochat.training.compute import why_no_compiler
from picochat.training.config import TrainConfig
from picochat.training.keeper import Keeper
from picochat.training.learner import Learner, Learnt
from picochat.training.loggers.group import Loggers
from picochat.training.loggers.logger import Ending
from picochat.training.material import Material
from picochat.training.optim import default_rate
from picochat.training.reporting import Reporter, SampleWriter, Silent
from picochat.training.run import RunFolder
from picochat.training.schedule import Schedule
from picochat.training.validation import Validator

DEFAULT_EPOCHS = 10.0

SKIPS = 10
"""Steps in a row without a finite loss or gradient that end a run."""

COMPILE_AFTER, WORTH_COMPILING = 3, 300.0
"""Steps to measure the speed by, and seconds that must be left for torch.compile to pay (it takes about a minute)."""


@dataclass
class Result:
    """How a run ended."""

    folder: Path | None
    best: Path | None
    step: int
    val_loss: float
    val_bpb: float
    interrupted: int | None = None
    """The signal that ended the run early, if one did."""


@dataclass
class Clock:
    """What is counted and must survive a restart."""

    step: int = 0
    tokens: int = 0
    elapsed: float = 0.0
    best_loss: float = math.inf
    best_bpb: float = math.inf
    best_step: int = 0
    stale: int = 0
    """Evaluations since the best one."""
    skipped: int = 0
    """Steps whose loss or gradient was no finite number."""
    skipped_in_a_row: int = 0
    last: dict[str, float] = field(default_factory=dict)


class Trainer:
    """One run: a network that learns, its data, and where it all is written.

    Args:
        config: the settings.
        learner: takes the steps; the first of its processes writes and speaks.
        material: what is learnt from, with the tokenizer that travels in the checkpoint.
        run: folder to write to; `None` writes nothing.
        loggers: where else it is logged.
        sample: lets the model write at each evaluation.
    """

    def __init__(
        self,
        config: TrainConfig,
        learner: Learner,
        material: Material,
        *,
        run: RunFolder | None = None,
        reporter: Reporter | None = None,
        loggers: Loggers | None = None,
        sample: SampleWriter | None = None,
    ) -> None:
        self.config, self.learner, self.world, self.shape = config, learner, learner.world, learner.shape
        self.tokenizer, self.train, self.held_out, self.facts = (
            material.tokenizer, material.train, material.held_out, material.facts,
        )  # fmt: skip
        self.run, self.reporter, self.sample = run, reporter or Silent(), sample
        self.loggers = loggers or Loggers([], self.reporter.note)
        self.keeper = Keeper(config, learner, self.tokenizer, run)
        self.validator = Validator(learner, self.tokenizer)
        self.schedule = self._make_schedule()
        self._batch = batch_maker(
            config.batches, self.train, batch=config.batch_size, length=self.shape.context, seed=config.seed,
            stride=config.stride,
        )  # fmt: skip
        self.clock = Clock()
        self.interrupt = Interrupt()
        self.stopped_by: int | None = None
        """The signal that one of the processes has got."""
        self._complaints: set[str] = set()
        self._records: list[dict[str, Any]] = []

    # -- the loop -------------------------------------------------------------------------------------------------------

    def fit(self) -> Result:
        """Train to the end of the schedule, or until interrupted; everything is saved either way."""
        if self.run:
            self.loggers.start(self.run.path, self.config.to_plain(), self.facts, self.clock.step)
        try:
            with self.interrupt:
                self._train()
            if self.run:
                self.run.check_saved()
        except BaseException as error:
            self._finish_logs("failed", str(error) or type(error).__name__)
            raise
        if not self.stopped_by:
            self._advise()
        self._finish_logs("stopped" if self.stopped_by else "finished")
        folder = self.run.path if self.run else None
        best = self.run.best if self.run and self.run.best.exists() else None
        return Result(folder, best, self.clock.step, self.clock.best_loss, self.clock.best_bpb, self.stopped_by)

    def _train(self) -> None:
        clock, started = self.clock, time.perf_counter() - self.clock.elapsed
        progress, finished = self.agree()
        while not finished:
            rate = self.schedule.rate(progress)
            begun = time.perf_counter()
            learnt = self.learn(rate)
            clock.step += 1
            clock.tokens += self.tokens_per_step
            speed = self.tokens_per_step / (time.perf_counter() - begun)
            clock.elapsed = time.perf_counter() - started
            # asked once a step: what comes after is seen at the next one, and nothing is left unsaved
            progress, finished = self.agree()
            self._compile_if_it_pays(progress)
            found: dict[str, Any] = {}
            if finished or clock.step % self.eval_every == 0:
                found = {**self.assess(), **self._sampled()}
                clock.elapsed = time.perf_counter() - started
                if self._out_of_patience:
                    self.reporter.note(f"No better evaluation since step {clock.best_step}: the run ends here.")
                    finished = True
            # before saving: a run that is killed in between does the step again, and its line is dropped
            self._report(learnt, rate, speed, found)
            if found:
                self.save()

    def learn(self, rate: float) -> Learnt:
        """One optimizer step at that learning rate.

        Raises:
            TrainingError: too many steps in a row had no finite loss or gradient.
        """
        clock, config = self.clock, self.config
        # dropout too is a function of (seed, step, rank), so there is no random state to save
        place = [config.seed, clock.step, self.world.rank]
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> np.uint64(1)))
        first = clock.step * config.accumulation
        learnt = self.learner.step([self._batch(first + index, 0) for index in range(config.accumulation)], rate)
        clock.skipped += learnt.skipped
        clock.skipped_in_a_row = clock.skipped_in_a_row + 1 if learnt.skipped else 0
        if clock.skipped_in_a_row >= SKIPS:
            raise TrainingError(self._diverged())
        return learnt

    def evaluate(self) -> dict[str, float]:
        """Loss per token and bits per byte on the held-out documents."""
        config = self.config
        return self.validator.measure(
            held_out_batches(
                config.batches, self.held_out, batch=config.batch_size, length=self.shape.context, most=config.eval_batches
            )
        )

    def agree(self) -> tuple[float, bool]:
        """The share of the run that is over, and whether it ends now: the same in all processes."""
        mine = self.schedule.progress(self.clock.step, self.clock.elapsed) if self.world.is_main else 0.0
        progress, signal = self.world.largest(mine, float(self.interrupt.requested or 0))
        self.stopped_by = int(signal) or None
        return progress, progress >= 1 or signal > 0

    # -- saving and resuming --------------------------------------------------------------------------------------------

    def assess(self) -> dict[str, float]:
        """Evaluate, and note whether the model is the best so far. Returns what `evaluate` found."""
        clock = self.clock
        if self.stopped_by and self.keeper.active:
            # an impatient second Ctrl-C must find the work saved
            self.reporter.note("Stopping: saving first.")
            self.keeper.save_state(self.state())
        clock.last = self.evaluate()
        clock.stale += 1
        if clock.last["val_loss"] < clock.best_loss:
            clock.best_loss, clock.best_bpb, clock.best_step = clock.last["val_loss"], clock.last["val_bpb"], clock.step
            clock.stale = 0
        return clock.last

    def save(self) -> None:
        """Write the state and the model, where the run has a folder."""
        if self.keeper.active:
            self.keeper.save_state(self.state())
            self.keeper.save_model(self.clock.step, self._training_facts(), best=self.clock.best_step == self.clock.step)

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, as tensors, numbers and strings."""
        return {
            "model": self.shape.to_dict(),
            "tokenizer": self.tokenizer.to_json(),
            "clock": {name: getattr(self.clock, name) for name in Clock.__dataclass_fields__},
            "facts": self.facts,
            **self.learner.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a saved state.

        Raises:
            CheckpointError: the shape, tokenizer or data of that state are not those of this run.
        """
        for name, mine, its in (
            ("the network's shape", self.shape.to_dict(), state["model"]),
            ("the tokenizer", self.tokenizer.to_json(), state["tokenizer"]),
            ("the data", self.facts.get("data_digest"), state["facts"].get("data_digest")),
            ("the split of the data", self.facts.get("split_digest"), state["facts"].get("split_digest")),
        ):
            if mine != its:
                raise CheckpointError(
                    f"The run can't be resumed: {name} changed since it was saved{_differences(mine, its)}; "
                    "put it back, or start a new run."
                )
        self.learner.restore(state)
        self.clock = Clock(**state["clock"])
        if self.run:
            # what is advised in the end looks at the whole curve
            with contextlib.suppress(DataError):
                earlier = RunLog(self.run.path).poll()
                self._records = [_point(record) for record in earlier if record["step"] <= self.clock.step]
        if self._out_of_patience:
            # it ended by that, and somebody wants it to go on
            self.clock.stale = 0

    # -- details --------------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.schedule.progress(self.clock.step, self.clock.elapsed) >= 1

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one optimizer step sees."""
        return self.config.batch_size * self.config.accumulation * self.shape.context

    @property
    def eval_every(self) -> int:
        """Steps between evaluations."""
        return self.config.eval_every or max(10, min(200, (self.schedule.steps or 2000) // 20))

    def _make_schedule(self) -> Schedule:
        config = self.config
        steps = config.steps
        if steps is None and (config.epochs or not config.time):
            steps = max(1, math.ceil((config.epochs or DEFAULT_EPOCHS) * self.train.tokens / self.tokens_per_step))
        limits: dict[str, Any] = {"steps": steps, "seconds": config.time}
        return Schedule(self.learner.peak, config.min_lr, config.warmup, **limits, shape=config.schedule, decay=config.decay)

    def _compile_if_it_pays(self, progress: float) -> None:
        """Once, a few steps into a run: torch.compile, where a long way is left."""
        clock = self.clock
        if self.config.compile != "auto" or clock.step != COMPILE_AFTER or not progress:
            return
        (left,) = self.world.total(clock.elapsed / progress * (1 - progress) if self.world.is_main else 0.0)
        if left >= WORTH_COMPILING and not why_no_compiler(self.learner.device):
            self.learner.compile()

    @property
    def _out_of_patience(self) -> bool:
        """Whether the best evaluation is too long ago."""
        return self.config.patience is not None and self.clock.stale >= self.config.patience

    def _sampled(self) -> dict[str, str]:
        """What the model writes now, as a field of the evaluation's record."""
        config, chats = self.config, self.facts.get("kind") == "chat"
        if self.sample is None or not config.sample_tokens or not self.world.is_main:
            return {}
        if self.learner.sharded:
            # all processes would have to write along
            self._complain_once("sample", "With --parallel fsdp the model writes no samples; `picochat generate` lets it.")
            return {}
        wishes: dict[str, Any] = {"prompt": config.sample_prompt, "tokens": config.sample_tokens, "seed": config.seed}
        try:
            return {"sample": self.sample(self.learner.model, self.tokenizer, chats=chats, **wishes)}
        except Exception as error:  # whatever it is: the run is worth more than a look at it
            self._complain_once("sample", f"The model could not write a sample ({type(error).__name__}: {error}).")
            return {}

    def _complain_once(self, subject: str, text: str) -> None:
        if subject not in self._complaints:
            self._complaints.add(subject)
            self.reporter.note(text)

    def _training_facts(self) -> dict[str, Any]:
        clock = self.clock
        return {
            **self.facts,
            "step": clock.step,
            "tokens": clock.tokens,
            "seconds": round(clock.elapsed, 1),
            "val_loss": clock.last["val_loss"],
            "val_bpb": clock.last["val_bpb"],
            "precision": self.learner.precision,
            "preset": self.config.preset,
        }

    def _diverged(self) -> str:
        saved = f" The best model so far is {self.run.best}." if self.run and self.run.best.exists() else ""
        return (
            f"The loss is no number any more since step {self.clock.step + 2 - SKIPS}; train with a lower --lr than "
            f"{self.schedule.peak:g}.{saved}"
        )

    def _report(self, learnt: Learnt, rate: float, speed: float, found: dict[str, Any]) -> None:
        clock = self.clock
        record: dict[str, Any] = {
            "step": clock.step,
            "seconds": round(clock.elapsed, 3),
            "tokens": clock.tokens,
            "loss": learnt.loss,
            "norm": round(learnt.norm, 4),
            "lr": rate,
            "tokens_per_second": round(speed, 1),
            "progress": round(self.schedule.progress(clock.step, clock.elapsed), 6),
            "steps": self.schedule.steps,
            **found,
        }
        if learnt.skipped:
            # JSON has no NaN
            del record["loss"], record["norm"]
            record["skipped"] = clock.skipped
        if self.run:
            try:
                self.run.log(record)
            except OutputError as error:
                # a night's work must not end for want of a log line
                self.reporter.note(str(error))
            self.loggers.log(record)
        self._records.append(_point(record))
        self.reporter.progress({**clock.last, **record, "evaluated": bool(found)})

    def _advise(self) -> None:
        """Say what would make the next run better, where the curves tell."""
        clock, config = self.clock, self.config
        usual = default_rate(config.optimizer, self.shape.dim)
        losses, evaluations = curve(self._records, "loss"), curve(self._records, "val_loss")
        found = advise(
            Course(
                self.shape, self.train.tokens, clock.tokens, self.schedule.peak, usual, losses, evaluations,
                tokenizer_chosen=not config.init_from,
            )
        )  # fmt: skip
        for sentence in found:
            self.reporter.note(sentence)

    def _finish_logs(self, status: Literal["finished", "stopped", "failed"], reason: str = "") -> None:
        if self.run:
            clock = self.clock
            best: dict[str, Any] = {
                "best_step": clock.best_step, "best_val_loss": clock.best_loss, "best_val_bpb": clock.best_bpb,
            }  # fmt: skip
            self.loggers.finish(Ending(status, clock.step, **(best if clock.best_step else {}), reason=reason))


def _point(record: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a step for the advice at the end."""
    return {name: record[name] for name in ("step", "loss", "val_loss") if name in record}


def _differences(mine: Any, its: Any) -> str:
    """The fields in which two descriptions differ, in brackets."""
    if not (isinstance(mine, dict) and isinstance(its, dict)):
        return ""
    names = [name for name in its if mine.get(name) != its[name]]
    return f" ({', '.join(f'{name} was {its[name]}, is {mine.get(name)}' for name in names)})"
