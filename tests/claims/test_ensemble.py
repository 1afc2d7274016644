"""Networks on data of their own, trained and shaken."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from sdesim.shipped import study

study("claims")
ensembles = import_module("sdesim_claims.ensemble")


def test_networks_of_a_split_share_their_data_and_nothing_else():
    e = ensembles.ensemble(2, 3, np.random.default_rng(0))

    x, theta = e.by_split(e.x.numpy()), e.by_split(e.theta())
    assert x.shape[:2] == (2, 3)
    assert (x[:, 0] == x[:, 2]).all()
    assert (x[0] != x[1]).all()
    assert (theta[:, 0] != theta[:, 1]).all()


def test_noise_of_no_size_is_gradient_descent_and_leaves_the_networks_alone():
    e = ensembles.ensemble(2, 1, np.random.default_rng(1))
    before, plain = e.theta(), ensembles.ensemble(2, 1, np.random.default_rng(1))

    shaken = e.shaken(1.5, 0.0, 4, np.random.default_rng(2))
    # A batch of all examples is the full gradient, up to the order of its sum in single precision.
    for _ in plain.steps(ensembles.EXAMPLES, 4, np.random.default_rng(3)):
        pass

    assert (e.theta() == before).all()
    np.testing.assert_allclose(shaken, plain.crowd.losses(plain.x, plain.y), rtol=1e-5)
