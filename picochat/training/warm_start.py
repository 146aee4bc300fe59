"""Starting from another model: its shape and tokenizer by default, and of its weights all that fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from picochat.checkpoint import Checkpoint
from picochat.errors import ConfigError
from picochat.model.config import PRESETS, ModelConfig
from picochat.model.gpt import GPT
from picochat.text.shards import is_shards
from picochat.text.tokenizer import Tokenizer
from picochat.training.config import SHAPE_FIELDS, TrainConfig

MEANING = ("norm", "activation", "position", "heads", "kv_heads", "rope_theta")
"""What weights were learnt for and their own shapes don't tell."""

UNTOLD = ("norm", "activation", "bias", "qk_norm", "rope_theta", "norm_eps")
"""Fields of a network's shape that no setting names: they come with the architecture, or from the source."""

FOLLOWERS = {"architecture": ("position", "feed_forward"), "embedding": ("feed_forward",), "heads": ("kv_heads",)}
"""Settings whose defaults follow from another one."""

BRANCH_ENDS = (".attention.out.", ".feed_forward.down.")
"""What a layer adds to the stream comes through these."""

TOKEN_TABLES = ("embedding.weight", "head.weight")
POSITION_TABLE = "positions.weight"
SHOWN = 24
"""Lines of the report's table."""


@dataclass(frozen=True)
class Mismatch:
    """Something that differs between the source and the new model; a dash stands for what one of them lacks."""

    name: str
    theirs: str
    ours: str
    taken: str
    """What of it the new model starts with."""


@dataclass(frozen=True)
class Report:
    """What a warm start took over.

    Attributes:
        copied: parameters that come from the source, of `parameters` in all.
        added: layers that stand between those of the source.
    """

    source: str
    copied: int
    parameters: int
    mismatches: tuple[Mismatch, ...] = ()
    added: int = 0

    def describe(self) -> str:
        """One line, and a table of what doesn't fit if anything doesn't."""
        head = f"Starting from {self.source}: {self.copied:,} of {self.parameters:,} parameters are taken over"
        if self.added:
            head += f", {self.added} more layers begin as copies that add nothing"
        if not self.mismatches:
            return f"{head}."
        rows = [("", "theirs", "ours", "taken")]
        rows += [(each.name, each.theirs, each.ours, each.taken) for each in self.mismatches[:SHOWN]]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        more = len(self.mismatches) - SHOWN
        return "\n  ".join([f"{head}; what differs:", *lines, *([f"and {more} more"] if more > 0 else [])])


def inherited(config: TrainConfig, source: ModelConfig) -> TrainConfig:
    """The settings with the source's shape in all fields of it that were not given.

    A size that was asked for, unlike the default one, stands for its layers, heads, width and context. What follows from a
    field that is another now (the inner width from the width, say) follows anew.

    Raises:
        ConfigError: fields that don't fit together.
    """
    asked = config.size != TrainConfig.model_fields["size"].default
    wishes = {_setting(name): value for name, value in PRESETS.get(config.size, {}).items()} if asked else {}
    wishes |= {name: value for name in SHAPE_FIELDS if (value := getattr(config, name)) is not None}
    its = {name: getattr(source, _field(name)) for name in SHAPE_FIELDS}
    others = [name for name in its if name in wishes and wishes[name] != its[name]]
    anew = {follower for name in others for follower in FOLLOWERS.get(name, ())}
    return config.changed(**{name: value for name, value in its.items() if name not in wishes and name not in anew})


def inherited_tokenizer(config: TrainConfig, source: Checkpoint) -> Tokenizer | None:
    """The source's tokenizer, unless the settings ask for another one or the data was prepared with its own."""
    asks = any(getattr(config, name) != TrainConfig.model_fields[name].default for name in ("tokenizer", "vocab_size"))
    return None if asks or is_shards(config.data) else source.tokenizer


def inherited_shape(config: TrainConfig, vocab_size: int, source: ModelConfig) -> ModelConfig:
    """The shape that the settings tell; what no setting can tell is as in `source`, if the architecture is.

    Args:
        source: the shape to start from, or that of a run to be resumed.

    Raises:
        ConfigError: fields that don't fit together.
    """
    shape = config.model_config_for(vocab_size)
    if shape.architecture != source.architecture:
        return shape
    untold = {name: getattr(source, name) for name in UNTOLD}
    if (shape.dim, shape.heads) == (source.dim, source.heads):
        untold["head_dim"] = source.head_dim
    return replace(shape, **untold)


def warm_start(model: GPT, tokenizer: Tokenizer, source: Checkpoint, *, allow_mismatch: bool = False) -> Report:
    """Give `model` the weights of `source` that fit; it is changed only if this returns.

    Rows of the embedding and the head are matched by what their tokens stand for, so that a model starts well with a new
    vocabulary too; of learned positions the common part is taken, of fewer layers the first. More layers than the source has
    go between its own, see `deepened`. What is left over keeps its fresh start.

    Args:
        tokenizer: the new model's.
        allow_mismatch: take what fits, where something doesn't.

    Raises:
        ConfigError: something doesn't fit and `allow_mismatch` is not given, or nothing does.
        CheckpointError: the source is damaged.
    """
    theirs = source.build().saved_weights()
    added = max(0, model.config.layers - source.config.layers)
    if added:
        theirs = deepened(theirs, source.config.layers, added)
    if source.config.tied and not model.config.tied:
        # a tied head is the embedding: the new head loses nothing by starting as a copy
        theirs["head.weight"] = theirs["embedding.weight"]
    ours = model.saved_weights()
    tokens = _common_tokens(tokenizer, source.tokenizer)
    mismatches = _meanings(model.config, source.config)
    taken: dict[str, Tensor] = {}
    copied = 0
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        if _layer(name) >= model.config.layers:
            continue  # told as one
        its, mine = theirs.get(name), ours.get(name)
        if its is None or mine is None or its.shape[1:] != mine.shape[1:]:
            mismatches.append(Mismatch(name, _size(its), _size(mine), "nothing"))
        elif name in TOKEN_TABLES:
            taken[name], count = _with_rows(mine, its, *tokens.rows)
            copied += count
            if not tokens.same:
                vocabularies = (f"{source.tokenizer.vocab_size:,} tokens", f"{tokenizer.vocab_size:,} tokens")
                mismatches.append(Mismatch(name, *vocabularies, f"{len(tokens.rows[0]):,} rows"))
        elif its.shape == mine.shape:
            taken[name] = its
            copied += its.numel()
        elif name == POSITION_TABLE:
            common = torch.arange(min(len(its), len(mine)))
            taken[name], count = _with_rows(mine, its, common, common)
            copied += count
            mismatches.append(Mismatch(name, _size(its), _size(mine), f"{len(common):,} rows"))
        else:
            mismatches.append(Mismatch(name, _size(its), _size(mine), "nothing"))
    place = str(source.path or "the model")
    if mismatches and not allow_mismatch:
        raise ConfigError(_refusal(place, mismatches))
    if not copied:
        raise ConfigError(f"Nothing of {place} fits the new model; leave out the settings of shape to take its own.")
    model.load_state_dict(taken, strict=False)
    return Report(place, copied, model.config.parameters, tuple(mismatches), added)


def deepened(weights: dict[str, Tensor], layers: int, added: int) -> dict[str, Tensor]:
    """The same function in more layers: copies of layers, spread evenly, each behind its own and with outputs of zero.

    What they add to the stream is nothing until they have learnt, so that training goes on where it was ("LLaMA Pro",
    arXiv 2401.02415).

    Args:
        weights: of a network of so many `layers`, by the names of `GPT.saved_weights`.
        added: how many more it shall have.
    """
    copies = [(layer + 1) * added // layers - layer * added // layers for layer in range(layers)]
    places = [(layer, copy > 0) for layer, more in enumerate(copies) for copy in range(more + 1)]
    deeper = {name: weight for name, weight in weights.items() if _layer(name) < 0}
    for place, (layer, is_copy) in enumerate(places):
        for name, weight in weights.items():
            if _layer(name) == layer:
                silent = is_copy and any(end in name for end in BRANCH_ENDS)
                new = name.replace(f"blocks.{layer}.", f"blocks.{place}.", 1)
                deeper[new] = torch.zeros_like(weight) if silent else weight
    return deeper


@dataclass(frozen=True)
class _Tokens:
    """Which tokens two vocabularies share: the rows of ours, and those of theirs; `same` where they are one vocabulary."""

    same: bool
    rows: tuple[Tensor, Tensor]


def _common_tokens(ours: Tokenizer, theirs: Tokenizer) -> _Tokens:
    if ours.digest() == theirs.digest():
        # by the tokens there are: a network may have more rows than its tokenizer has tokens
        everything = torch.arange(ours.vocab_size)
        return _Tokens(True, (everything, everything))
    # where bytes have two tokens (a character and its single byte), the later one is what texts are cut into
    places = {meaning: token for token in range(theirs.vocab_size) if (meaning := _meaning(theirs, token))}
    pairs = [(token, places[its]) for token in range(ours.vocab_size) if (its := _meaning(ours, token)) in places]
    return _Tokens(
        False,
        (
            torch.tensor([mine for mine, _ in pairs], dtype=torch.long),
            torch.tensor([its for _, its in pairs], dtype=torch.long),
        ),
    )


def _meaning(tokenizer: Tokenizer, token: int) -> bytes | str:
    """What a token stands for: its bytes, or its name as a marker; empty where it stands for nothing."""
    return tokenizer.piece(token) if token in tokenizer.special_ids else tokenizer.token_bytes(token)


def _with_rows(mine: Tensor, its: Tensor, ours: Tensor, theirs: Tensor) -> tuple[Tensor, int]:
    """A copy of `mine` with these rows from `its`, and how many values came from there."""
    merged = mine.clone()
    merged[ours.to(mine.device)] = its[theirs].to(mine)
    return merged, len(ours) * its[0].numel()


def _meanings(ours: ModelConfig, theirs: ModelConfig) -> list[Mismatch]:
    names = [name for name in MEANING if getattr(ours, name) != getattr(theirs, name)]
    if ours.position != "rope" or theirs.position != "rope":
        names = [name for name in names if name != "rope_theta"]
    found = [Mismatch(name, str(getattr(theirs, name)), str(getattr(ours, name)), "-") for name in names]
    if ours.layers < theirs.layers:
        found.insert(0, Mismatch("layers", str(theirs.layers), str(ours.layers), str(ours.layers)))
    return found


def _refusal(source: str, mismatches: list[Mismatch]) -> str:
    first = "; ".join(f"{each.name}: {each.theirs} there, {each.ours} here" for each in mismatches[:3])
    places = "1 place" if len(mismatches) == 1 else f"{len(mismatches)} places"
    more = "; ..." if len(mismatches) > 3 else ""
    return (
        f"{source} does not fit the new model in {places} ({first}{more}); leave out the settings of shape and tokenizer to "
        "take its own, or start from what fits with --allow-mismatch."
    )


def _layer(name: str) -> int:
    """The layer that a tensor belongs to; -1 for those of the whole network."""
    part, _, rest = name.partition(".")
    return int(rest.partition(".")[0]) if part == "blocks" else -1


def _size(tensor: Tensor | None) -> str:
    return "-" if tensor is None else " x ".join(f"{side:,}" for side in tensor.shape)


def _field(setting: str) -> str:
    """The field of `ModelConfig` that a setting is about."""
    return {"embedding": "dim", "feed_forward": "ff_dim"}.get(setting, setting)


def _setting(field: str) -> str:
    return {"dim": "embedding", "ff_dim": "feed_forward"}.get(field, field)
