"""A network that learns, one optimizer step at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from picochat.errors import TrainingError
from picochat.model.config import ModelConfig
from picochat.model.device import resolve_device
from picochat.model.gpt import GPT, Attention
from picochat.text.batches import IGNORE, Batch
from picochat.training.allocator import keep_freed_memory
from picochat.training.compute import DTYPES, autocast, choose_attention, choose_precision, why_no_compiler
from picochat.training.config import TrainConfig
from picochat.training.distributed import ALONE, World
from picochat.training.loss import chunk_size, cross_entropy, cross_entropy_sum
from picochat.training.optim import default_decay, default_rate, make_optimizer
from picochat.training.shards import whole_tree

FIRST_SCALE = 4096.0
"""Of the loss in fp16, which has no room for small gradients; it then finds its own way."""


@dataclass(frozen=True)
class Learnt:
    """What one step found.

    Attributes:
        loss: mean over the targets, in nats.
        norm: of the gradient, before clipping.
        skipped: one of them was no finite number, and the weights were left alone.
    """

    loss: float
    norm: float
    skipped: bool = False


class Learner:
    """The network, its optimizer, and how they compute here.

    Args:
        config: the settings.
        shape: of the network.
        world: the processes that learn together.
        note: who is told what was chosen.
    """

    def __init__(
        self, config: TrainConfig, shape: ModelConfig, *, world: World = ALONE, note: Callable[[str], None] = lambda _: None
    ) -> None:
        self.config, self.shape, self.world, self.note = config, shape, world, note
        self.device = resolve_device(config.device)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.precision, why = world.share(list(choose_precision(self.device, config.precision)))
        self.sharded = config.parallel == "fsdp" and world.size > 1
        """Each process holds a part of the network; all must ask it together."""
        torch.manual_seed(config.seed)
        self.model = self._sharded_model() if self.sharded else GPT(shape).to(self.device)
        self.model.checkpointing = config.checkpointing
        self.attention, also = world.share(list(choose_attention(self.device, self.precision, shape, config.attention)))
        self._set_attention()
        note(f"Training on {self.device} in {self.precision} ({why}), attention by {self.attention} ({also}).")
        self.peak = config.lr or default_rate(config.optimizer, shape.dim)
        decay = default_decay(config.optimizer) if config.weight_decay is None else config.weight_decay
        # Muon needs no more than bf16, but a CPU may be slow with it
        exact = self.device.type == "cpu" and self.precision == "fp32"
        self.optimizer = make_optimizer(
            self.model,
            kind=config.optimizer,
            lr=self.peak,
            weight_decay=decay,
            dtype=torch.float32 if exact else torch.bfloat16,
        )
        self.scaler = torch.amp.GradScaler(self.device.type, init_scale=FIRST_SCALE, enabled=self.precision == "fp16")
        self.rows = -(-config.batch_size // world.size)
        """Sequences at once; fewer than the batch where memory is short, which changes nothing but the speed."""
        self.compiled = False
        self._hidden: Callable[[Tensor], Tensor] = self.model.hidden
        if config.compile == "on":
            self.compile()

    def step(self, batches: Sequence[Batch], rate: float) -> Learnt:
        """Learn from the batches together, at that learning rate; each process takes its share of their rows.

        Raises:
            TrainingError: not even one row at a time fits in memory.
        """
        self.optimizer.set_rate(rate)
        self.model.train()
        mine = [batch.rows(slice(self.world.rank, None, self.world.size)) for batch in batches]
        # summed losses over all targets of the step: short rows must not weigh more than long ones
        (targets,) = self.world.total(sum(int((batch.targets != IGNORE).sum()) for batch in mine))
        loss = self._gradients(mine, max(1.0, targets))
        if not self.sharded:
            self.world.sum_gradients(self.model.parameters())
        self.optimizer.unscale(self.scaler)
        clipped = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip or math.inf)
        norm = float(clipped.full_tensor() if self.sharded else clipped)  # type: ignore[attr-defined]
        (mean,) = self.world.total(loss)
        skipped = not (math.isfinite(mean) and math.isfinite(norm))
        if not skipped:
            self.optimizer.step(self.scaler)
        self.scaler.update()
        self.optimizer.zero_grad()
        return Learnt(mean, norm, skipped)

    @torch.no_grad()
    def losses(self, batch: Batch) -> Tensor:
        """The loss of each target of a batch, (B x T) in nats, 0 where there is none; without learning from it."""
        self.model.eval()
        return torch.cat([
            cross_entropy(*self._states(batch.rows(slice(first, first + self.rows)), self.model.hidden), **self._head)
            for first in range(0, len(batch.inputs), self.rows)
        ])  # fmt: skip

    def compile(self) -> None:
        """Compile the network, where that works here; else it stays as it is, and the reason is told."""
        if reason := "--parallel fsdp trains without" if self.sharded else why_no_compiler(self.device):
            self.note(f"Not compiled: {reason}.")
            return
        hidden = torch.compile(self.model.hidden, dynamic=False)
        try:
            ids = torch.zeros(self.rows, self.shape.context, dtype=torch.long, device=self.device)
            self.model.train()
            with autocast(self.device, self.precision):
                hidden(ids).sum().backward()  # type: ignore[no-untyped-call]
        except Exception as error:  # whatever a compiler can fail at: eager always works
            self.note(f"Not compiled: torch.compile failed ({type(error).__name__}).")
        else:
            self._hidden, self.compiled = hidden, True
        self.optimizer.zero_grad()

    def whole_model(self) -> GPT | None:
        """The network with all its weights, in the first process; all must ask. It is not to be trained."""
        if not self.sharded:
            return self.model
        from picochat.training.fsdp import gathered

        weights = gathered(self.model.saved_weights(), keep=self.world.is_main)
        return GPT.from_weights(self.shape, weights) if weights else None

    def state(self) -> dict[str, Any]:
        """Weights, optimizer and ways of computing, as tensors, numbers and strings; sharded tensors stay so."""
        return {
            "weights": self.model.saved_weights(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "compute": {
                "precision": self.precision,
                "attention": self.attention,
                "compiled": self.compiled,
                "rows": self.rows,
                "share": [self.config.batch_size, self.world.size],
            },
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a saved state of a network of the same shape.

        What was measured and found then holds on: another way of computing would not give the same bits.
        """
        compute = state.get("compute", {})
        if self.config.precision == "auto":
            self.precision = compute.get("precision", self.precision)
        if self.config.attention == "auto":
            self.attention = compute.get("attention", self.attention)
            self._set_attention()
        if compute.get("share") == [self.config.batch_size, self.world.size] and not self.sharded:
            self.rows = compute["rows"]
        large = {name: state[name] for name in ("weights", "optimizer")}
        if self.sharded:
            from picochat.training.fsdp import own_rows

            large = own_rows(large, self.device)
        else:
            large = whole_tree(large)
        self.model.load_state_dict(large["weights"], strict=False)
        self.optimizer.load_state_dict(large["optimizer"])
        if state.get("scaler"):
            self.scaler.load_state_dict(state["scaler"])
        if self.config.compile == "auto" and compute.get("compiled") and not self.compiled:
            self.compile()

    # -- details --------------------------------------------------------------------------------------------------------

    def _sharded_model(self) -> GPT:
        from picochat.training.fsdp import sharded_gpt

        return sharded_gpt(self.shape, self.device, self.precision)

    @property
    def _head(self) -> dict[str, Any]:
        return {"chunk": chunk_size(self.device, self.shape.vocab_size), "dtype": DTYPES[self.precision]}

    def _gradients(self, batches: Sequence[Batch], targets: float) -> float:
        """Add up the gradients of all batches' mean loss, with as many rows at once as fit; returns that loss."""
        while True:
            try:
                return self._gradients_at_once(batches, targets)
            except RuntimeError as error:  # torch.OutOfMemoryError is one of them, a CPU's allocator only says so
                if not out_of_memory(error):
                    raise
            # after the handler: the error holds on to all that lies on the stack
            self.optimizer.zero_grad()
            if self.sharded:
                # fewer rows at once are more passes, which all would have to make
                raise TrainingError(
                    f"Out of memory with {self.rows} sequences a process; choose a smaller --batch-size with more "
                    "--accumulation, --checkpointing, or more processes."
                )
            if self.rows == 1:
                raise TrainingError(
                    "Out of memory with one sequence at a time; choose a shorter --context, a smaller --size, or "
                    "--checkpointing."
                )
            self.rows = -(-self.rows // 2)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            self.note(f"Out of memory: {self.rows} sequences at once from now on; the batch stays {self.config.batch_size}.")

    def _gradients_at_once(self, batches: Sequence[Batch], targets: float) -> float:
        total = torch.zeros((), device=self.device)
        for batch in batches:
            for first in range(0, len(batch.inputs), self.rows):
                states = self._states(batch.rows(slice(first, first + self.rows)), self._hidden)
                loss = cross_entropy_sum(*states, **self._head) / targets
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        return float(total)

    def _states(self, batch: Batch, hidden: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """What the loss is made of: states (N, C), the head's weight and targets (N,)."""
        inputs = torch.from_numpy(batch.inputs).to(self.device)
        targets = torch.from_numpy(batch.targets).to(self.device).flatten()
        with autocast(self.device, self.precision):
            states = hidden(inputs)
        return states.flatten(0, 1), self.model.head.weight, targets

    def _set_attention(self) -> None:
        for module in self.model.modules():
            if isinstance(module, Attention):
                module.in_blocks = self.attention == "blocks"


def out_of_memory(error: RuntimeError) -> bool:
    """Whether this is what torch raises when memory is short."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
