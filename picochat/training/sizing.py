"""Which shape is best trained in a time, with a text, at a machine's speed. Only arithmetic.

1. A shape of the `LADDER` sees the time x its speed in tokens, but never more than ten readings of the text.
2. What the loss can still fall is N^-0.35 + (D / 10.5)^-0.35 for N parameters that multiply and D tokens, up to a factor:
   the exponents are about those of Chinchilla (arXiv 2203.15556; fitted again in 2404.10102), and the optimum lies where
   nanochat measured it for Muon, at 10.5 tokens a parameter. At a given N x D, half or twice the best size costs 3 % of it.
3. A token read again counts for less: k readings are worth 1 + 15.4 (1 - exp(-(k - 1) / 15.4)) first ones. Four are nearly
   as good as new text, ten are worth 7.8. So do parameters beyond those that one reading is best for: k times as many are
   worth 1 + 5.3 (1 - exp(-(k - 1) / 5.3)) ("Scaling Data-Constrained Language Models", arXiv 2305.16264).
4. The shape with the least loss is taken. On a small machine it has fewer than 10.5 tokens a parameter: part of a step's
   time does not depend on the size, so a larger network costs less than its share.
5. What the text can't fill is not built: two tokens for each parameter at least, with all readings counted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from picochat.errors import ConfigError
from picochat.model.config import ModelConfig
from picochat.training.config import TrainConfig
from picochat.training.machine import Machine

LADDER = (
    (2, 128), (4, 128), (3, 192), (5, 192), (4, 256), (6, 256), (6, 320), (6, 384), (8, 384), (8, 448), (8, 512), (10, 512),
    (10, 640), (12, 768), (14, 896), (16, 1024), (20, 1152),
)  # fmt: skip
"""Layers and width, from 0.6M to 340M parameters; a width of 32 to 64 a layer, as nanochat's 64."""

RATIO, LEAST_RATIO = 10.5, 2.0
"""Tokens per parameter: the best (nanochat), and the fewest that a small text may give (a chat model of 11M parameters still
learned well from 23M tokens)."""

EXPONENT = 0.35
MOST_EPOCHS = 10.0
WORN_TOKENS, WORN_PARAMETERS = 15.4, 5.3
"""After how many repetitions more of the same is worth little: R* of the paper in point 3."""

START = 3e6
"""Parameters of the first shape to be measured."""

REACH, MEASUREMENTS = 4.0, 6
"""How far beyond the most expensive shape measured so far the next one may lie, and how many are measured at most."""


@dataclass(frozen=True)
class DataSize:
    """How much there is to learn from, as far as it is known before there is a tokenizer.

    Attributes:
        octets: bytes of the text to learn from, in UTF-8.
        documents: in how many pieces.
        chats: they are conversations.
        vocab_size: of a tokenizer that is there already; `None` where one will be trained.
        tokens: what that tokenizer makes of the text.
    """

    octets: int
    documents: int = 1
    chats: bool = False
    vocab_size: int | None = None
    tokens: int | None = None

    def tokens_at(self, vocab_size: int) -> int:
        """Tokens of the text, with a byte-level vocabulary of that size if there is none yet.

        Bytes a token are 2.2 for a vocabulary of 512, 3.6 for 4,096 and 4.2 for 32,768, as measured on 13 MB of fiction;
        conversations are within 5 %.
        """
        if self.tokens is not None:
            return max(1, self.tokens)
        doublings = min(6.9, max(0.0, math.log2(vocab_size / 512)))
        return max(1, round(self.octets / (2.2 + 0.6 * doublings - 0.043 * doublings**2)))


# -- what there is to choose from ---------------------------------------------------------------------------------------


def candidates(config: TrainConfig, data: DataSize, asked: Collection[str] = (), device: str = "cpu") -> list[ModelConfig]:
    """The shapes of the ladder that agree with what was asked for, from the smallest to the largest.

    Raises:
        ConfigError: none does; the sentence is that of the last one.
    """
    found: dict[float, ModelConfig] = {}
    problem: ConfigError | None = None
    for layers, dim in LADDER:
        dim = config.embedding or dim
        # narrow networks need several heads more than wide ones; an odd width has but one
        head = next(width for width in ((64, 32, dim) if dim >= 256 else (32, dim)) if dim % width == 0)
        vocab = data.vocab_size or config.vocab_size or vocabulary(dim, data.octets)
        own = {"layers": layers, "embedding": dim, "heads": dim // head, "context": _context(data, vocab, dim, device)}
        try:
            settings = config.changed(**{name: value for name, value in own.items() if name not in asked})
            shape = settings.model_config_for(vocab)
        except ConfigError as error:
            problem = error
        else:
            found.setdefault(flops_per_token(shape), shape)
    if problem and not found:
        raise problem
    return [found[cost] for cost in sorted(found)]


def vocabulary(dim: int, octets: int) -> int:
    """Tokens of the vocabulary for a width and a text.

    16 for each unit of width keep the head a modest part of the network (the named sizes have about as many), and a token
    should have some hundred places in the text to be learnt from.
    """
    return max(512, min(32_768, power_of_two(16 * dim), power_of_two(octets / 400)))


def _context(data: DataSize, vocab_size: int, dim: int, device: str) -> int:
    """Tokens of a window: a CPU is fastest at 256, and takes 512 where conversations would not fit."""
    if device == "cpu":
        return 512 if data.chats and data.tokens_at(vocab_size) > 256 * data.documents else 256
    return 512 if dim < 512 else 1024


def multiplying(shape: ModelConfig) -> int:
    """Parameters that every token is multiplied by: the blocks' and the head's, whether or not it is tied."""
    table = shape.parameter_table()
    return table["attention"] + table["feed-forward"] + shape.vocab_size * shape.dim


def flops_per_token(shape: ModelConfig) -> float:
    """Of a training step: 6 for each parameter (forward 2, backward 4), and attention's over half a window on average."""
    return 6.0 * (multiplying(shape) + shape.layers * shape.context * shape.heads * shape.head_dim)


# -- choosing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    """What a run may take: seconds of training, and readings of the text."""

    data: DataSize
    seconds: float
    epochs: float = MOST_EPOCHS

    def tokens(self, shape: ModelConfig, speed: float) -> float:
        """Tokens that a shape sees at its speed."""
        return min(self.seconds * speed, self.epochs * self.data.tokens_at(shape.vocab_size))

    def fills(self, shape: ModelConfig) -> bool:
        """Whether the text has enough for that shape to learn."""
        return LEAST_RATIO * multiplying(shape) <= self.epochs * self.data.tokens_at(shape.vocab_size)

    def loss(self, shape: ModelConfig, speed: float) -> float:
        """What the loss can still fall at the end, up to a factor; see the top of this file."""
        text, tokens = self.data.tokens_at(shape.vocab_size), self.tokens(shape, speed)
        parameters = _worth(multiplying(shape), text / RATIO, WORN_PARAMETERS)
        return float(parameters**-EXPONENT + (_worth(tokens, text, WORN_TOKENS) / RATIO) ** -EXPONENT)


def _worth(amount: float, fresh: float, worn: float) -> float:
    """What `amount` is worth where only `fresh` of it is new."""
    again = max(0.0, amount / fresh - 1)
    return min(amount, fresh) + fresh * worn * (1 - math.exp(-again / worn))


def best_shape(
    shapes: Sequence[ModelConfig], limits: Limits, machine: Machine, config: TrainConfig
) -> tuple[ModelConfig, float]:
    """The best of the shapes (smallest first), and its speed in tokens a second.

    One is measured, the others are guessed from it, the best of them is measured, and so on: seldom more than three.
    """
    shapes = [shape for shape in shapes if limits.fills(shape) and machine.holds(shape, config)] or [shapes[0]]
    costs = [flops_per_token(shape) for shape in shapes]
    measured: dict[int, float] = {}

    def look(index: int) -> None:
        measured[index] = machine.speed(shapes[index], machine.rows(shapes[index], config)) or 0.0

    def best(indices: Collection[int]) -> int:
        a, b = fit_speed([(costs[index], speed) for index, speed in measured.items()])
        return min(indices, key=lambda i: limits.loss(shapes[i], measured.get(i) or 1 / (a + b * costs[i])))

    def near() -> list[int]:
        # a guess far from what was measured would be a wild one, and trying it could take minutes
        reach = REACH * max(costs[index] for index in measured)
        return [index for index, cost in enumerate(costs) if cost <= reach]

    start = max((index for index, shape in enumerate(shapes) if multiplying(shape) <= START), default=0)
    look(start)
    if len(shapes) > 1:
        # one point can't tell what a step costs whatever the size
        second = best(near())
        look(second if second != start else start + 1 if start + 1 < len(shapes) else start - 1)
    while (choice := best(near())) not in measured and len(measured) < MEASUREMENTS:
        look(choice)
    if choice not in measured:
        choice = best(measured)
    return shapes[choice], measured[choice]


def fit_speed(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Fit tokens/s = 1 / (a + b x FLOPs a token) to (FLOPs, tokens/s), by least squares of the relative error.

    Returns:
        (a, b) in seconds, neither below zero.
    """
    # (a + b f) s should be 1
    ss = sum(s * s for _, s in points)
    sf = sum(s * s * f for f, s in points)
    ff = sum((s * f) ** 2 for f, s in points)
    s1, f1 = sum(s for _, s in points), sum(s * f for f, s in points)
    determinant = ss * ff - sf * sf
    if determinant <= 1e-9 * ss * ff:
        return 0.0, f1 / ff
    a, b = (s1 * ff - f1 * sf) / determinant, (ss * f1 - sf * s1) / determinant
    if a < 0:
        return 0.0, f1 / ff
    return (a, b) if b >= 0 else (s1 / ss, 0.0)


def power_of_two(number: float) -> int:
    """The largest power of two that is not above `number`, at least 1."""
    return 1 << max(0, int(math.log2(max(1.0, number))))
