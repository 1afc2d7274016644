"""Sums over gradients."""

import torch

from sdesim.training.watching.sums import dot_sum, total


def test_a_long_sum_of_float32_keeps_seven_digits():
    a = torch.randn(1_000_003, generator=torch.Generator().manual_seed(0)) + 3.0

    assert abs(float(dot_sum(a, a)) / float(a.double() @ a.double()) - 1) < 1e-7
    assert dot_sum(a, a).dtype == torch.float64


def test_half_precision_does_not_overflow_and_shapes_do_not_matter():
    a = torch.full((3, 700), 300.0, dtype=torch.float16)

    assert float(dot_sum(a, a)) == 3 * 700 * 300.0**2
    assert total([dot_sum(a, a), dot_sum(a[0], -a[1])]) == (2100 - 700) * 300.0**2
    assert total([]) == 0.0
