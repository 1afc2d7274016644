"""Equal within a margin: two one-sided tests, at a moment by exact laws and over time by their level."""

import math

import numpy as np
import pytest
from scipy.stats import nct

from sdesim.comparison import compare, equivalence
from sdesim.comparison.equivalence import MARGIN, Equivalence
from sdesim.errors import RunError
from tests.comparison.test_compare import run


def seeds(rng, n, times=6):
    """Seeds of unit variance that keep half of their deviation over all times."""
    return math.sqrt(0.5) * (rng.standard_normal((n, 1)) + rng.standard_normal((n, times)))


def test_at_one_moment_it_is_the_one_sided_test_of_the_noncentral_t():
    # One simulated value borrows the real spread, so that e² = 1 + 1/n_r is known and nothing else is
    # averaged.
    real = np.random.default_rng(0).standard_normal(9)
    s, mean = real.std(ddof=1), real.mean()

    told = equivalence([mean + 0.3 * s], real, margin=2.5)

    error = math.sqrt(1 + 1 / 9)
    assert told.p_value == pytest.approx(nct.cdf(0.3 / error, 8, 2.5 / error), rel=2e-3)
    assert nct.cdf(0.3 / error, 8, told.smallest / error) == pytest.approx(0.05, rel=5e-3)
    assert told.shown == (told.smallest <= 2.5)


def test_of_pairs_that_differ_by_a_constant_the_error_is_that_of_the_yardstick_alone():
    real = np.random.default_rng(1).standard_normal((12, 3))

    told = equivalence(real + 0.1, real, paired=True)

    assert told.shown
    assert told.smallest < 0.1 / real.std(axis=0, ddof=1).min() * 1.7
    assert told.smallest < equivalence(real + 0.1, real).smallest / 3
    with pytest.raises(RunError, match="equal numbers of seeds, got 11 and 12"):
        equivalence(real[1:], real, paired=True)


@pytest.mark.parametrize("sign", [1, -1])
def test_arms_that_are_a_margin_apart_are_called_equal_at_most_at_the_stated_rate(sign):
    rng = np.random.default_rng(2)
    reps = 200
    apart = np.where(np.arange(6) < 3, 1.0, sign)

    said = sum(equivalence(seeds(rng, 8) + apart, seeds(rng, 8), 1.0).shown for _ in range(reps))

    # At most 5% by design; Bin(200, 0.05) exceeds 28 with probability 1e-6.
    assert said <= 28


def test_equal_arms_are_shown_within_the_detectable_margin_and_with_the_seeds_stated():
    rng = np.random.default_rng(3)
    pilot = equivalence(seeds(rng, 16), seeds(rng, 16), 0.8)

    within = sum(equivalence(seeds(rng, 16), seeds(rng, 16), pilot.detectable).shown for _ in range(60))
    n = pilot.needed
    enough = sum(equivalence(seeds(rng, n), seeds(rng, n), 0.8).shown for _ in range(60))

    # Of 60 at 0.9 fewer than 40 come with probability 1e-6.
    assert 16 < n < 60
    assert within >= 40
    assert enough >= 40


def test_a_comparison_says_equal_beside_differs_and_not_told_apart():
    rng = np.random.default_rng(4)
    real, sim = seeds(rng, 16, 12), seeds(rng, 16, 12)

    near = compare(run(sim, "simulated"), run(real, "real"), ["loss"], margin=2.0)
    tight = compare(run(sim, "simulated"), run(real, "real"), ["loss"], margin=0.1)
    far = compare(run(sim + 9, "simulated"), run(real, "real"), ["loss"], margin=20)

    assert near.quantities["loss"].equal
    assert "1 equal within 2" in repr(near)
    assert near.verdicts[0].startswith("loss: equal within 2 spreads, shown down to")
    assert near.margins["loss"] == near.quantities["loss"].equivalence.smallest
    assert not tight.quantities["loss"].equal
    assert "not shown to be within 0.1 spreads but within" in tight.verdicts[0]
    # A difference that is found stays one, however small beside the margin.
    assert far.quantities["loss"].outcome == "differs"
    assert not far.quantities["loss"].equal
    assert ", yet equal within 20 spreads" in far.verdicts[0]
    assert near.to_dict()["margin"] == 2.0
    assert bool(near.to_table().equal[0])


def test_without_a_yardstick_nothing_is_shown_and_bad_margins_are_named():
    real = np.ones((4, 3))

    assert equivalence(real, real) is None
    assert equivalence(real, real[:2]) is None
    for bad in (0, -1.0, math.nan, math.inf, True):
        with pytest.raises(RunError, match="margin must be a positive number of spreads"):
            equivalence(real, real, bad)
    with pytest.raises(RunError, match="margin"):
        compare(run(real, "simulated"), run(real, "real"), ["loss"], margin=0)
    assert MARGIN == 1.0


def test_in_words_a_margin_is_never_rounded_down():
    told = Equivalence(1.0, False, 0.2, 1.2301, 1.5, 14)

    assert told.text == (
        "not shown to be within 1 spread but within 1.3 (for 1 spread arms of equal law take 14 seeds each, "
        "these seeds show 1.5)"
    )
    assert Equivalence(0.5, True, 0.01, 0.31, 0.4, 14).text == "equal within 0.5 spreads, shown down to 0.31"
    assert "more than 1,000 seeds each" in Equivalence(0.5, False, 0.5, 2.0, 2.0, None).text
    assert Equivalence(1.0, False, 0.2, math.inf, 1.5, None).to_dict()["smallest"] is None
