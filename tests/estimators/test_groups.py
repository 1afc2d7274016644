"""C of layers and of sub-networks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError

SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_gt43_the_total_over_groups_is_c_of_the_whole(seed, cut):
    g = np.random.default_rng(seed).standard_normal((9, 6)) + 0.4

    found = est.group_consolidation(g, {"first": slice(0, cut), "rest": np.arange(cut, 6)})

    whole = est.consolidation_ratio(g)
    total = found["total"]
    assert total.value == pytest.approx(whole.value, rel=1e-9, abs=1e-12)
    assert (total.low, total.high) == pytest.approx((whole.low, whole.high), rel=1e-8, abs=1e-10)
    parts = [found["first"], found["rest"]]
    for name in ("signal", "noise"):
        assert sum(p.details[name] for p in parts) == pytest.approx(total.details[name], abs=1e-12)
    assert found["first"].value == pytest.approx(est.consolidation_ratio(g[:, :cut]).value, abs=1e-12)


def test_gt43_the_gain_of_a_subnetwork_is_six_where_the_literal_formula_says_111():
    d, inside, share = 100, 10, 0.6
    mean = np.r_[np.full(inside, math.sqrt(share / inside)), np.full(90, math.sqrt((1 - share) / 90))]
    g = np.random.default_rng(0).standard_normal((4000, d)) + mean

    gain = est.subnetwork_gain(g, slice(0, inside))
    literal = est.subnetwork_gain(g, slice(0, inside), "literal", d_h=1.5)

    assert gain.low < 6 < gain.high
    assert gain.high - gain.low < 1
    # |ḡ|² and |ḡ_S|² hold 2.5% and 0.4% of noise and vary by about 3%.
    assert literal.value == pytest.approx(111.1, rel=0.15)
    random = est.subnetwork_gain(g, np.random.default_rng(1).permutation(d)[:50])
    assert 0.5 < random.value < 1.5


def test_wrong_groups_are_refused():
    g = np.zeros((3, 4))
    for groups in ({}, {"total": slice(0, 2)}, {"none": slice(4, 9)}, {"far": [7]}):
        with pytest.raises(EstimatorError):
            est.group_consolidation(g, groups)
    with pytest.raises(EstimatorError, match="d_h"):
        est.subnetwork_gain(g, [0], "literal")
