"""The training loop: `Trainer.fit`, on one screen."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F

from picochat.checkpoint import save_checkpoint
from picochat.errors import CheckpointError, OutputError, TrainingError
from picochat.interrupt import Interrupt
from picochat.model.device import resolve_device
from picochat.model.gpt import GPT, Attention
from picochat.runs import step_file
from picochat.text.batches import (
    IGNORE,
    Batch,
    TokenStream,
    byte_lengths,
    training_batch,
    validation_batches,
)
from picochat.text.chat_format import Part
from picochat.text.tokenizer import Tokenizer
from picochat.training.allocator import keep_freed_memory
from picochat.training.compute import autocast, choose_attention, choose_precision
from picochat.training.config import TrainConfig
from picochat.training.optim import default_decay, default_rate, make_optimizer
from picochat.training.run import RunFolder
from picochat.training.schedule import Schedule

DEFAULT_EPOCHS = 10.0
WEIGHT_FORMATS = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}


class Reporter(Protocol):
    """Who is told how the run goes."""

    def note(self, text: str) -> None:
        """A sentence about the run."""

    def progress(self, record: dict[str, Any]) -> None:
        """One step is done; `record` has the fields of metrics.jsonl, and `progress` from 0 to 1."""


class Silent:
    """A reporter that says nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def progress(self, record: dict[str, Any]) -> None:
        """Say nothing."""


class SampleWriter(Protocol):
    """Who lets the model write; generating text is no part of training, so the caller brings one."""

    def __call__(self, model: GPT, tokenizer: Tokenizer, *, chats: bool, prompt: str | None, tokens: int, seed: int) -> str:
        """A text by the model as it is now; weights, mode and torch's random state must be the same after it.

        Args:
            chats: the model learns from conversations.
            prompt: what to write on from; `None` leaves it to the writer.
            tokens: the longest text.
        """


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
    last: dict[str, float] = field(default_factory=dict)


class Trainer:
    """One run: a model, its data, its optimizer and where it all is written.

    Args:
        config: the settings.
        tokenizer: what the streams were encoded with; it travels in the checkpoint.
        train, held_out: token streams.
        run: folder to write to; `None` writes nothing.
        facts: what the checkpoint should say of the data.
        sample: lets the model write at each evaluation.
    """

    def __init__(
        self,
        config: TrainConfig,
        tokenizer: Tokenizer,
        train: TokenStream,
        held_out: TokenStream,
        *,
        run: RunFolder | None = None,
        facts: dict[str, Any] | None = None,
        reporter: Reporter | None = None,
        sample: SampleWriter | None = None,
    ) -> None:
        self.config, self.tokenizer, self.run = config, tokenizer, run
        self.train, self.held_out = train, held_out
        self.facts = facts or {}
        self.reporter: Reporter = reporter or Silent()
        self.device = resolve_device(config.device)
        self.precision, why = choose_precision(self.device, config.precision)
        torch.manual_seed(config.seed)
        self.shape = config.model_config_for(tokenizer.vocab_size)
        self.model = GPT(self.shape).to(self.device)
        self.attention, also = choose_attention(self.device, self.precision, self.shape, config.attention)
        self._set_attention()
        self.reporter.note(f"Training on {self.device} in {self.precision} ({why}), attention by {self.attention} ({also}).")
        self.schedule = self._make_schedule()
        decay = default_decay(config.optimizer) if config.weight_decay is None else config.weight_decay
        self.optimizer = make_optimizer(self.model, kind=config.optimizer, lr=self.schedule.peak, weight_decay=decay)
        self.byte_lengths = torch.from_numpy(byte_lengths(tokenizer)).to(self.device)
        self.clock = Clock()
        self.interrupt = Interrupt()
        self.sample = sample
        self._complaints: set[str] = set()

    # -- the loop -------------------------------------------------------------------------------------------------------

    def fit(self) -> Result:
        """Train to the end of the schedule, or until interrupted; everything is saved either way."""
        if self.device.type == "cpu":
            keep_freed_memory()
        clock, started = self.clock, time.perf_counter() - self.clock.elapsed
        with self.interrupt:
            finished = self.finished
            while not finished:
                rate = self.schedule.rate(self.progress)
                begun = time.perf_counter()
                loss = self.learn(rate)
                clock.step += 1
                clock.tokens += self.tokens_per_step
                speed = self.tokens_per_step / (time.perf_counter() - begun)
                clock.elapsed = time.perf_counter() - started
                # asked once a step: what comes after is seen at the next one, and nothing is left unsaved
                finished = self.finished
                found: dict[str, Any] = {}
                if finished or clock.step % self.eval_every == 0:
                    found = {**self.evaluate_and_save(), **self._sampled()}
                    clock.elapsed = time.perf_counter() - started
                self._report(loss, rate, speed, found)
        folder = self.run.path if self.run else None
        best = self.run.best if self.run and self.run.best.exists() else None
        return Result(folder, best, clock.step, clock.best_loss, clock.best_bpb, self.interrupt.requested)

    def learn(self, rate: float) -> float:
        """One optimizer step at that learning rate; returns the mean loss per token, in nats."""
        self.optimizer.set_rate(rate)
        self.model.train()
        batches = [self._batch(index) for index in range(self.config.accumulation)]
        # summed losses over all targets of the step: short rows must not weigh more than long ones
        targets = sum(int((batch.targets != IGNORE).sum()) for batch in batches)
        total = 0.0
        for batch in batches:
            with autocast(self.device, self.precision):
                loss = self.token_losses(batch).sum() / max(1, targets)
            total += loss.item()
            if not math.isfinite(total):
                raise TrainingError(self._diverged())
            loss.backward()  # type: ignore[no-untyped-call]
        if self.config.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total

    def token_losses(self, batch: Batch) -> torch.Tensor:
        """Cross-entropy of every target, (B x T), 0 where there is none."""
        inputs = torch.from_numpy(batch.inputs).to(self.device)
        targets = torch.from_numpy(batch.targets).to(self.device)
        logits = self.model(inputs).flatten(0, 1).float()
        return F.cross_entropy(logits, targets.flatten(), ignore_index=IGNORE, reduction="none")

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Loss per token and bits per byte on the held-out documents.

        Bits per byte counts the text itself: markers, role headers and ends of turns are left out.
        """
        self.model.eval()
        loss, tokens, bits, octets = 0.0, 0, 0.0, 0
        batches = validation_batches(
            self.held_out, batch=self.config.batch_size, length=self.shape.context, most=self.config.eval_batches
        )
        for batch in batches:
            with autocast(self.device, self.precision):
                losses = self.token_losses(batch).double()
            targets = torch.from_numpy(batch.targets).to(self.device).flatten()
            real = targets != IGNORE
            lengths = torch.where(real, self.byte_lengths[targets.clamp(min=0)], 0)
            lengths[torch.from_numpy(batch.parts).to(self.device).flatten() == Part.STRUCTURE] = 0
            loss += losses.sum().item()
            tokens += int(real.sum())
            bits += losses[lengths > 0].sum().item() / math.log(2)
            octets += int(lengths.sum())
        return {"val_loss": loss / max(1, tokens), "val_bpb": bits / max(1, octets)}

    # -- saving and resuming --------------------------------------------------------------------------------------------

    def evaluate_and_save(self) -> dict[str, float]:
        """Evaluate; keep the model when it is the best so far; write the state. Returns what `evaluate` found."""
        clock = self.clock
        if self.interrupt() and self.run:
            # an impatient second Ctrl-C must find the work saved
            self.reporter.note("Stopping: saving first.")
            self.run.write_state(self.state())
        clock.last = self.evaluate()
        if clock.last["val_loss"] < clock.best_loss:
            clock.best_loss, clock.best_bpb, clock.best_step = clock.last["val_loss"], clock.last["val_bpb"], clock.step
            if self.run:
                self._save_model(self.run.best)
        if self.run:
            self.run.write_state(self.state())
            self._keep_model(self.run)
        return clock.last

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, as tensors, numbers and strings."""
        return {
            "model": self.shape.to_dict(),
            "weights": self.model.saved_weights(),
            "optimizer": self.optimizer.state_dict(),
            "tokenizer": self.tokenizer.to_json(),
            "clock": {name: getattr(self.clock, name) for name in Clock.__dataclass_fields__},
            "random": torch.get_rng_state(),
            "facts": self.facts,
            "compute": {"precision": self.precision, "attention": self.attention},
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
                    f"The run can't be resumed: {name} changed since it was saved; put it back, or start a new run."
                )
        self.model.load_state_dict(state["weights"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        # what was measured then holds on: another way of computing would not give the same bits
        compute = state.get("compute", {})
        if self.config.precision == "auto":
            self.precision = compute.get("precision", self.precision)
        if self.config.attention == "auto":
            self.attention = compute.get("attention", self.attention)
            self._set_attention()
        self.clock = Clock(**state["clock"])
        torch.set_rng_state(state["random"])

    # -- details --------------------------------------------------------------------------------------------------------

    @property
    def progress(self) -> float:
        """The share of the run that is over."""
        return self.schedule.progress(self.clock.step, self.clock.elapsed)

    @property
    def finished(self) -> bool:
        """Whether the schedule has ended or somebody asked to stop."""
        return self.progress >= 1 or self.interrupt()

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one optimizer step sees."""
        return self.config.batch_size * self.config.accumulation * self.shape.context

    @property
    def eval_every(self) -> int:
        """Steps between evaluations."""
        return self.config.eval_every or max(10, min(200, (self.schedule.steps or 2000) // 20))

    def _set_attention(self) -> None:
        for module in self.model.modules():
            if isinstance(module, Attention):
                module.in_blocks = self.attention == "blocks"

    def _make_schedule(self) -> Schedule:
        config = self.config
        steps = config.steps
        if steps is None and (config.epochs or not config.time):
            steps = max(1, math.ceil((config.epochs or DEFAULT_EPOCHS) * self.train.tokens / self.tokens_per_step))
        peak = config.lr or default_rate(config.optimizer, self.shape.dim)
        return Schedule(peak, config.min_lr, config.warmup, steps=steps, seconds=config.time)

    def _batch(self, index: int) -> Batch:
        config = self.config
        return training_batch(
            self.train,
            batch=config.batch_size,
            length=self.shape.context,
            seed=config.seed,
            step=self.clock.step * config.accumulation + index,
        )

    def _save_model(self, path: Path) -> None:
        dtype = WEIGHT_FORMATS[self.config.weights_format]
        save_checkpoint(path, self.model, self.tokenizer, self._training_facts(), dtype=dtype)

    def _keep_model(self, run: RunFolder) -> None:
        """Put this model beside the earlier ones: to look back at, so a full disk is no reason to end the run."""
        try:
            if self.config.keep:
                self._save_model(step_file(run.path, self.clock.step))
            run.thin(self.config.keep)
        except (OutputError, OSError) as error:
            self._complain_once("earlier models", f"Earlier models are not kept: {error}")

    def _sampled(self) -> dict[str, str]:
        """What the model writes now, as a field of the evaluation's record."""
        config, chats = self.config, self.facts.get("kind") == "chat"
        if self.sample is None or not config.sample_tokens:
            return {}
        wishes: dict[str, Any] = {"prompt": config.sample_prompt, "tokens": config.sample_tokens, "seed": config.seed}
        try:
            return {"sample": self.sample(self.model, self.tokenizer, chats=chats, **wishes)}
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
            "precision": self.precision,
            "preset": self.config.preset,
        }

    def _diverged(self) -> str:
        saved = f" The best model so far is {self.run.best}." if self.run and self.run.best.exists() else ""
        return (
            f"The loss is no number any more at step {self.clock.step + 1}; train with a lower --lr than "
            f"{self.schedule.peak:g}.{saved}"
        )

    def _report(self, loss: float, rate: float, speed: float, found: dict[str, Any]) -> None:
        clock = self.clock
        record: dict[str, Any] = {
            "step": clock.step,
            "seconds": round(clock.elapsed, 3),
            "tokens": clock.tokens,
            "loss": loss,
            "lr": rate,
            "tokens_per_second": round(speed, 1),
            "progress": round(self.progress, 6),
            "steps": self.schedule.steps,
            **found,
        }
        if self.run:
            try:
                self.run.log(record)
            except OutputError as error:
                # a night's work must not end for want of a log line
                self.reporter.note(str(error))
        self.reporter.progress({**clock.last, **record, "evaluated": bool(found)})
