"""Weights in 8 and 4 bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from picochat.interop.quantise import BLOCK, quantise


def matrices() -> st.SearchStrategy[np.ndarray]:
    shapes = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=3 * BLOCK)
    return arrays(np.float32, shapes, elements=st.floats(-100, 100, width=32))


@given(matrices(), st.sampled_from([8, 4]))
def test_every_weight_is_at_most_half_a_step_away(weights: np.ndarray, bits: int) -> None:
    result = quantise(weights, bits)
    restored = result.restored()
    assert restored.shape == weights.shape
    blocks = -(-weights.shape[1] // BLOCK)
    assert result.scales.shape == (len(weights), blocks)
    assert result.packed.shape == (len(weights), blocks, BLOCK * bits // 8)
    # the scale that just holds the largest weight, and with 4 bits one step more on the side where the range is shorter
    largest = np.abs(np.pad(weights, ((0, 0), (0, blocks * BLOCK - weights.shape[1]))).reshape(len(weights), blocks, BLOCK))
    step = np.repeat(largest.max(-1), BLOCK, axis=1)[:, : weights.shape[1]] / (127 if bits == 8 else 8)
    bound = step * (0.5 if bits == 8 else 3.5) + 1e-5
    assert (np.abs(restored - weights) <= bound).all()


@given(matrices())
def test_four_bits_are_at_least_as_close_as_plain_rounding(weights: np.ndarray) -> None:
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % BLOCK))).reshape(len(weights), -1, BLOCK)
    extreme = np.take_along_axis(padded, np.abs(padded).argmax(-1, keepdims=True), -1)
    scale = extreme / -8
    codes = np.clip(np.rint(np.divide(padded, scale, out=np.zeros_like(padded), where=scale != 0)), -8, 7)
    plain = np.square(padded - codes * scale).sum()
    ours = np.square(weights - quantise(weights, 4).restored()).sum()
    assert ours <= plain * 1.001 + 1e-6


def test_two_codes_of_four_bits_share_a_byte() -> None:
    weights = np.zeros((1, BLOCK), dtype=np.float32)
    weights[0, :3] = [-8, 3, 7]
    result = quantise(weights, 4)
    low, high = result.packed[0, 0] & 15, result.packed[0, 0] >> 4
    codes = np.stack((low, high), axis=-1).reshape(-1)
    assert (codes == result.codes[0, 0]).all()
    assert result.restored()[0, :3] == pytest.approx([-8, 3, 7], abs=0.5)


@pytest.mark.parametrize("bits", [8, 4])
def test_zeros_stay_zeros(bits: int) -> None:
    assert not quantise(np.zeros((3, 40), dtype=np.float32), bits).restored().any()
