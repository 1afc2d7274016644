"""Splits have nothing in common, and weighted gradients are those of repeated examples."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sdesim.shipped import study  # noqa: E402

study("claims")
splits = import_module("sdesim_claims.splits")
crowds = import_module("sdesim_claims.crowd")


def test_splits_differ_and_repeat():
    one, again = (splits.splits(2, np.random.default_rng(3)) for _ in range(2))

    assert torch.equal(one.x, again.x)
    assert torch.equal(one.y_test, again.y_test)
    assert not torch.equal(one.x[0], one.x[1])
    assert one.y.shape == (2, 512, 1)


def test_a_weighted_gradient_is_that_of_a_batch_with_its_repetitions():
    rng = np.random.default_rng(0)
    nets = crowds.crowd([3, 4, 1], 2, rng, "tanh", "mse")
    x, y = crowds.tensor(rng.standard_normal((2, 6, 3))), crowds.tensor(rng.standard_normal((2, 6, 1)))
    rows = np.array([[0, 0, 3, 5], [1, 2, 2, 2]])
    counts = np.stack([np.bincount(r, minlength=6) for r in rows]) / 4
    run = np.arange(2)[:, None]

    weighted = nets.gradients(x, y, crowds.tensor(counts))
    plain = nets.gradients(x[run, rows], y[run, rows])

    for a, b in zip(weighted, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
