"""What averaging over a batch does to tails, derived again in symbols."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import sympy as sp

from sdesim.shipped import study

study("claims")
tails = import_module("sdesim_claims.tails")


def test_the_excess_kurtosis_of_a_mean_is_that_of_one_over_the_batch():
    t, batch = sp.symbols("t batch", positive=True)
    second, fourth = sp.symbols("second fourth", positive=True)
    # Cumulants of a mean from the cumulant generating function batch·K(t/batch).
    of_mean = batch * (second * (t / batch) ** 2 / 2 + fourth * (t / batch) ** 4 / 24)
    excess = sp.diff(of_mean, t, 4).subs(t, 0) / sp.diff(of_mean, t, 2).subs(t, 0) ** 2

    assert sp.simplify(excess - fourth / second**2 / batch) == 0


def test_a_stable_law_keeps_its_index_in_a_mean():
    t, batch, alpha, scale = sp.symbols("t batch alpha scale", positive=True)
    # log of the characteristic function of a mean; its slope over log t is the index.
    exponent = batch * (scale * t / batch) ** alpha

    assert sp.simplify(t * sp.diff(sp.log(exponent), t) - alpha) == 0


def test_two_points_have_the_smallest_kurtosis_there_is():
    assert tails._excess(np.array([[1.0], [-1.0]])) == -2.0
