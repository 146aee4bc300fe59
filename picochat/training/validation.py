"""How well the network does on held-out documents."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from picochat.text.batches import IGNORE, Batch, byte_lengths
from picochat.text.chat_format import Part
from picochat.text.tokenizer import Tokenizer
from picochat.training.learner import Learner


class Validator:
    """Measures a learner.

    Args:
        learner: whose network is asked.
        tokenizer: tells how many bytes of text stand behind a token.
    """

    def __init__(self, learner: Learner, tokenizer: Tokenizer) -> None:
        self.learner = learner
        self.byte_lengths = torch.from_numpy(byte_lengths(tokenizer)).to(learner.device)

    def measure(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Loss per token and bits per byte over the batches; the processes of a run share their rows.

        Bits per byte counts the text itself: markers, role headers and ends of turns are left out.
        """
        device, world = self.learner.device, self.learner.world
        loss, tokens, nats, octets = 0.0, 0, 0.0, 0
        for whole in batches:
            batch = whole.rows(slice(world.rank, None, world.size))
            if not len(batch.inputs):
                # a network that is shared out needs all processes for a pass
                self.learner.losses(whole.rows(slice(1)))
                continue
            losses = self.learner.losses(batch).double() if device.type != "mps" else self.learner.losses(batch)
            targets = torch.from_numpy(batch.targets).to(device).flatten()
            real = targets != IGNORE
            lengths = torch.where(real, self.byte_lengths[targets.clamp(min=0)], 0)
            lengths[torch.from_numpy(batch.parts).to(device).flatten() == Part.STRUCTURE] = 0
            loss += losses.sum().item()
            tokens += int(real.sum())
            nats += losses[lengths > 0].sum().item()
            octets += int(lengths.sum())
        total_loss, total_tokens, total_nats, total_octets = world.total(loss, tokens, nats, octets)
        return {
            "val_loss": total_loss / max(1, total_tokens),
            "val_bpb": total_nats / math.log(2) / max(1, total_octets),
        }
