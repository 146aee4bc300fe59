"""One GPT for every architecture picochat knows, in one readable file.

What differs from the textbook decoder, by switch of `ModelConfig`:
- norm: LayerNorm, or RMSNorm (no mean, no bias); both before each part, and once at the end
- activation: GELU (tanh form, as GPT-2), or SwiGLU: silu(gate) * up
- position: learned or sinusoidal, added to the embedding; rotary, applied to queries and keys; ALiBi, added to the scores
- qk_norm: RMSNorm over each head's queries and keys (Qwen3; "Scaling Vision Transformers to 22B", arXiv 2302.05442)
- kv_heads: fewer keys and values than queries (grouped-query attention, arXiv 2305.13245)
- tied: the head is the embedding, transposed

Shapes in comments: B sequences, T new tokens, S tokens in all (past and new), C width, H heads, K key-value heads,
D head width.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from picochat.errors import ContextOverflowError
from picochat.model.attention import attend, attend_in_blocks
from picochat.model.cache import KVCache, RaggedCache, StepCache
from picochat.model.config import ModelConfig

Cache = KVCache | RaggedCache | StepCache


def make_norm(config: ModelConfig, width: int) -> nn.Module:
    """The norm of this configuration over the last axis."""
    if config.norm == "layernorm":
        return nn.LayerNorm(width, eps=config.norm_eps, bias=config.bias)
    return nn.RMSNorm(width, eps=config.norm_eps)


def empty_embedding(rows: int, width: int) -> nn.Embedding:
    """An embedding without values: to draw normal ones on the meta device, torch imports its compiler for a second."""
    return nn.Embedding.from_pretrained(torch.empty(rows, width), freeze=False)  # type: ignore[no-any-return, no-untyped-call]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions (arXiv 2104.09864), halves convention of transformers: x (B, H, T, D).

    Args:
        cos, sin: (1, T, D), or (B, 1, T, D) where each sequence stands elsewhere.
    """
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    """Causal self-attention with one fused projection for queries, keys and values.

    Attributes:
        in_blocks: compute a pass without a cache by `attend_in_blocks`; training sets it where that is faster.
    """

    in_blocks = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.q_width = config.heads * config.head_dim
        self.kv_width = config.kv_heads * config.head_dim
        self.qkv = nn.Linear(config.dim, self.q_width + 2 * self.kv_width, bias=config.bias)
        self.out = nn.Linear(self.q_width, config.dim, bias=config.bias)
        if config.qk_norm:
            self.q_norm = nn.RMSNorm(config.head_dim, eps=config.norm_eps)
            self.k_norm = nn.RMSNorm(config.head_dim, eps=config.norm_eps)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor] | None, mask: Tensor | None, cache: Cache | None, layer: int
    ) -> Tensor:
        config = self.config
        B, T, _ = x.shape
        q, k, v = self.qkv(x).split((self.q_width, self.kv_width, self.kv_width), dim=-1)
        q = q.view(B, T, config.heads, config.head_dim)
        k = k.view(B, T, config.kv_heads, config.head_dim)
        v = v.view(B, T, config.kv_heads, config.head_dim).transpose(1, 2)  # (B, K, T, D)
        if config.qk_norm:
            # under autocast q and k are 16-bit and the norms' weights are not: normalise at the weights' precision
            dtype = self.q_norm.weight.dtype
            q, k = self.q_norm(q.to(dtype)), self.k_norm(k.to(dtype))
        q, k = q.transpose(1, 2), k.transpose(1, 2)  # (B, H, T, D), (B, K, T, D)
        if rope is not None:
            # autocast runs norms in fp32; rotating there too keeps far positions exact, then back to the product's type
            q, k = rotate(q, *rope).to(v.dtype), rotate(k, *rope).to(v.dtype)
        q, k = q.to(v.dtype), k.to(v.dtype)
        if cache is not None:
            k, v = cache.append(layer, k, v)  # (B, K, S, D)
        dropout = config.dropout if self.training else 0.0
        if self.in_blocks and mask is None and cache is None:
            y = attend_in_blocks(q, k, v, dropout=dropout)
        else:
            y = attend(q, k, v, mask, dropout=dropout)
        return self.out(y.transpose(1, 2).reshape(B, T, self.q_width))  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """The position-wise part: GELU, or SwiGLU with gate and up fused in one projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gated = config.activation == "swiglu"
        self.up = nn.Linear(config.dim, config.ff_dim * (2 if self.gated else 1), bias=config.bias)
        self.down = nn.Linear(config.ff_dim, config.dim, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.gated:
            gate, up = self.up(x).chunk(2, dim=-1)
            return self.down(F.silu(gate) * up)  # type: ignore[no-any-return]
        return self.down(F.gelu(self.up(x), approximate="tanh"))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention and feed-forward, each behind a norm and added to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm1 = make_norm(config, config.dim)
        self.attention = Attention(config)
        self.norm2 = make_norm(config, config.dim)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor] | None, mask: Tensor | None, cache: Cache | None, layer: int
    ) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), rope, mask, cache, layer))
        return x + self.dropout(self.feed_forward(self.norm2(x)))  # type: ignore[no-any-return]


class GPT(nn.Module):
    """Token ids in, logits out.

    Attributes:
        checkpointing: while training, keep no activations inside the blocks and compute them again for the backward pass
            (arXiv 1604.06174): memory of one block instead of all, for a third more work.
    """

    checkpointing = False
    cos: Tensor
    sin: Tensor
    slopes: Tensor
    waves: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = empty_embedding(config.vocab_size, config.dim)
        if config.position == "learned":
            self.positions = empty_embedding(config.context, config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = make_norm(config, config.dim)
        self.head = nn.Linear(config.dim, config.vocab_size, bias=False)
        self._tie()
        if not self.embedding.weight.is_meta:
            self._make_tables()
            self.init_weights()

    @classmethod
    def from_weights(cls, config: ModelConfig, weights: dict[str, Tensor]) -> GPT:
        """A network that takes `weights` as its own, without drawing random ones first; names and shapes must fit."""
        with torch.device("meta"):
            model = cls(config)
        model.load_state_dict(weights, strict=False, assign=True)
        model._tie()
        model._make_tables()
        return model

    def saved_weights(self) -> dict[str, Tensor]:
        """The tensors that make up the model, by name; a tied head is its embedding and is left out."""
        state = self.state_dict()
        if self.config.tied:
            del state["head.weight"]
        return state

    def parts_of(self, name: str) -> tuple[int, ...]:
        """The heights of the matrices that lie in the weight of that name, one above the other; empty where it is one."""
        if name.endswith("attention.qkv.weight"):
            q, kv = self.config.heads * self.config.head_dim, self.config.kv_heads * self.config.head_dim
            return q, kv, kv
        if name.endswith("feed_forward.up.weight") and self.config.activation == "swiglu":
            return self.config.ff_dim, self.config.ff_dim
        return ()

    def forward(self, ids: Tensor, cache: Cache | None = None, *, last_only: bool = False) -> Tensor:
        """Return logits for `ids`.

        Args:
            ids: (B, T) token ids, standing after what the cache holds.
            cache: keys and values of the tokens before; it is extended by T.
            last_only: compute the head for the last position only.

        Returns:
            (B, T, vocab_size) logits, or (B, 1, vocab_size) with `last_only`.

        Raises:
            ContextOverflowError: past and new tokens together exceed the context.
        """
        return self.logits(self.hidden(ids, cache, last_only=last_only))

    def hidden(self, ids: Tensor, cache: Cache | None = None, *, last_only: bool = False) -> Tensor:
        """The final, normalised states (B, T, C) that the head reads; arguments as in `forward`."""
        config = self.config
        T = ids.shape[1]
        if cache is not None:
            # past and new together: a check of T alone would let a long chat run off the tables
            cache.check(T)
        elif config.context < T:
            raise ContextOverflowError(f"{T} tokens exceed the model's context of {config.context}.")
        places = cache.places(T) if cache is not None else slice(0, T)
        x = self.embedding(ids)  # (B, T, C)
        if config.position == "learned":
            x = x + self.positions.weight[places]
        elif config.position == "sinusoidal":
            x = x + self.waves[places].to(x.dtype)
        rope = None
        if config.position == "rope":
            # one table for all heads
            rope = self.cos[places].to(x.dtype).unsqueeze(-3), self.sin[places].to(x.dtype).unsqueeze(-3)
        mask = self._mask(cache, T, x.dtype)
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks):
            if self.checkpointing and self.training:
                x = checkpoint(block, x, rope, mask, cache, layer, use_reentrant=False)
            else:
                x = block(x, rope, mask, cache, layer)
        if cache is not None:
            cache.advance(T)
        return self.norm(x[:, -1:] if last_only else x)  # type: ignore[no-any-return]

    def logits(self, hidden: Tensor) -> Tensor:
        """The head: (..., C) states to (..., vocab_size) logits."""
        return self.head(hidden)  # type: ignore[no-any-return]

    def _mask(self, cache: Cache | None, T: int, dtype: torch.dtype) -> Tensor | None:
        """None where SDPA's own causal mode or no mask serves; else what to add to, or keep of, the (T, S) scores."""
        past = cache.length if cache is not None else 0
        device = self.embedding.weight.device
        alibi = self.config.position == "alibi"
        if isinstance(cache, RaggedCache | StepCache):
            queries = cache.places(T)
        elif alibi or (past > 0 and T > 1):
            queries = torch.arange(past, past + T, device=device)
        else:
            return None
        distance = torch.arange(past + T, device=device) - queries[..., None]  # (T, S) or (B, T, S)
        distance = distance.unsqueeze(-3)  # the same for all heads
        if alibi:
            bias = self.slopes[:, None, None] * distance
            return bias.masked_fill(distance > 0, -math.inf).to(dtype)  # (H, T, S) or (B, H, T, S)
        return distance <= 0  # (1, T, S) or (B, 1, T, S)

    def _tie(self) -> None:
        if self.config.tied:
            self.head.weight = self.embedding.weight

    def _make_tables(self) -> None:
        """Fixed tables of positions: buffers that move with the model but are not saved."""
        config = self.config
        if config.position == "rope":
            cos, sin = rope_tables(config.context, config.head_dim, config.rope_theta)
            self.register_buffer("cos", cos, persistent=False)
            self.register_buffer("sin", sin, persistent=False)
        elif config.position == "sinusoidal":
            self.register_buffer("waves", sinusoids(config.context, config.dim), persistent=False)
        elif config.position == "alibi":
            self.register_buffer("slopes", alibi_slopes(config.heads), persistent=False)

    @torch.no_grad()
    def init_weights(self) -> None:
        """Fresh weights.

        | tensor                               | start                              |
        |--------------------------------------|------------------------------------|
        | embedding, positions, untied head    | normal, 0.02                       |
        | qkv, up                              | normal, 0.02                       |
        | out, down (end of a residual branch) | normal, 0.02 / sqrt(2 x layers)    |
        | norms                                | ones; biases everywhere zeros      |
        """
        branch = 0.02 / math.sqrt(2 * self.config.layers)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif "norm" in name:
                parameter.fill_(1.0)
            else:
                ends_branch = name.endswith(("attention.out.weight", "feed_forward.down.weight"))
                nn.init.normal_(parameter, mean=0.0, std=branch if ends_branch else 0.02)


def rope_tables(length: int, width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions, (length, width) each, in fp32."""
    inverse = theta ** -(torch.arange(0, width, 2, dtype=torch.float32) / width)  # (D/2)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), inverse).repeat(1, 2)  # (S, D)
    return angles.cos(), angles.sin()


def sinusoids(length: int, width: int) -> Tensor:
    """The fixed waves of "Attention Is All You Need" (arXiv 1706.03762), (length, width)."""
    inverse = 10_000.0 ** -(torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), inverse)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :width]


def alibi_slopes(heads: int) -> Tensor:
    """One slope a head (arXiv 2108.12409); head counts that are no power of two interleave the next one's."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2 ** (-4 * (2 * i + 1) / power) for i in range(heads - power)]
    return torch.tensor(slopes, dtype=torch.float32)
