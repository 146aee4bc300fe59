"""Weights in 8 or 4 bits: whole numbers in blocks of 32 along the input axis, with one scale a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK = 32
"""Weights that share a scale: what the integer kernels of ONNX Runtime, and llama.cpp's Q8_0 and Q4_0, read."""

_STEPS = np.arange(35, 59, dtype=np.float32) / 50
"""Scales tried for a block of 4 bits, as shares of the one that just holds its largest weight."""

_TINY = 1e-30
"""Scales from which on their inverse is a number in fp32."""

_ROWS = 64
"""Rows taken at once, so that they stay in the processor's caches while scales are tried."""


@dataclass(frozen=True)
class Quantised:
    """A matrix of (N, K) weights, K its input width.

    Attributes:
        codes: (N, blocks, BLOCK) whole numbers above zero; the weight is (code - `zero`) x scale.
        scales: (N, blocks) in fp32.
        bits: 8 or 4.
        width: K; the last block is filled up with zeros.
    """

    codes: npt.NDArray[np.uint8]
    scales: npt.NDArray[np.float32]
    bits: int
    width: int

    @property
    def zero(self) -> int:
        """The code of a weight of 0."""
        return 1 << (self.bits - 1)

    @property
    def packed(self) -> npt.NDArray[np.uint8]:
        """(N, blocks, BLOCK x bits / 8) bytes; of two 4-bit codes the first lies in the lower half."""
        if self.bits == 8:
            return self.codes
        return np.bitwise_or(self.codes[..., 0::2], np.left_shift(self.codes[..., 1::2], 4), dtype=np.uint8)

    def restored(self) -> npt.NDArray[np.float32]:
        """The (N, K) weights that the codes stand for."""
        weights = (self.codes.astype(np.float32) - self.zero) * self.scales[..., None]
        return weights.reshape(len(weights), -1)[:, : self.width]


def quantise(weights: npt.NDArray[np.float32], bits: int) -> Quantised:
    """Round an (N, K) matrix to 8 or 4 bits.

    8 bits take the scale that just holds the largest weight of a block. With 4 bits that loses much: of some smaller and
    larger scales, with the largest weight on either side of zero, each block takes the one with the least squared error.
    """
    rows, width = weights.shape
    blocks = -(-width // BLOCK)
    padded = np.zeros((rows, blocks * BLOCK), dtype=np.float32)
    padded[:, :width] = weights
    values = padded.reshape(rows, blocks, BLOCK)
    zero = 1 << (bits - 1)
    scales = np.empty(values.shape[:2], dtype=np.float32)
    codes = np.empty(values.shape, dtype=np.uint8)
    for first in range(0, rows, _ROWS):
        some = slice(first, first + _ROWS)
        scales[some] = np.abs(values[some]).max(axis=-1) / 127 if bits == 8 else _best_scales(values[some])
        codes[some] = _round(values[some], scales[some], zero) + zero
    return Quantised(codes, scales, bits, width)


def _best_scales(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """For each block the scale of least squared error, of codes from -8 to 7; negative where the largest weight is above 0.

    The range reaches one step further below zero than above, so the largest weight, whatever its sign, belongs there.
    """
    index = np.abs(values).argmax(axis=-1)[..., None]
    full = np.take_along_axis(values, index, axis=-1)[..., 0] / -8
    best: npt.NDArray[np.float32] = full.copy()
    least = np.full(full.shape, np.inf, dtype=np.float32)
    for step in (*_STEPS, *-_STEPS[_STEPS >= 1]):
        scales = full * step
        error = np.square(values - _round(values, scales, 8) * scales[..., None]).sum(axis=-1)
        better = error < least
        best[better], least[better] = scales[better], error[better]
    return best


def _round(values: npt.NDArray[np.float32], scales: npt.NDArray[np.float32], zero: int) -> npt.NDArray[np.float32]:
    """The nearest codes less `zero`; a block of next to nothing becomes zeros."""
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=np.abs(scales) > _TINY)
    codes: npt.NDArray[np.float32] = np.clip(np.rint(values * inverse[..., None]), -zero, zero - 1)
    return codes
