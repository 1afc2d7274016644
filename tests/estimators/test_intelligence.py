"""The index I: literal with the source's placeholders, corrected with a sign that means what it says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.estimators import Estimate


@given(st.floats(0, 1), st.floats(-2, 2), st.floats(1, 2))
def test_the_sign_of_i_is_that_of_the_margin_and_its_cap_is_one_over_d(p, s, d):
    i = est.intelligence(p, s, d).value

    assert i <= 1 / d + 1e-12
    assert i == 0 or math.copysign(1, i) == math.copysign(1, s)


UNIT = st.floats(0, 1)


def known(value, half=0.0, flags=(), level=0.95):
    return Estimate(value, value - half, value + half, level, "given", 20, flags)


@given(UNIT)
def test_the_placeholders_of_the_source_cap_the_literal_index_below_its_transition_band(p):
    e = est.intelligence(p, method="literal")

    assert e.value == pytest.approx(p * 0.1 / 1.5)
    assert e.value <= 0.0667
    assert e.has("placeholder")
    assert est.intelligence_state(e, method="literal") == "stagnation"


@given(st.floats(-1, 1), st.floats(-3, 3), st.floats(1, 2))
def test_the_corrected_sign_is_that_of_the_margin_or_zero_and_its_cap_is_one_over_d(p, s, d):
    i = est.intelligence(p, s, d).value

    assert i <= 1 / d + 1e-12
    assert i * s >= 0
    assert (i == 0) == (p <= 0 or s == 0 or p * s / 2 / d == 0)


@given(UNIT, UNIT, st.floats(-1, 2), st.floats(1, 2))
def test_the_corrected_index_grows_with_p_exactly_where_it_is_stable(p, q, s, d):
    a, b = est.intelligence(min(p, q), s, d).value, est.intelligence(max(p, q), s, d).value

    assert a <= b if s >= 0 else a >= b


def test_the_two_forms_have_their_own_bands():
    words = [est.intelligence_state(x, method="literal") for x in (0.6, 0.5, 0.1, 0.05, -0.1, math.nan)]

    assert words == ["healthy", "transition", "transition", "stagnation", "divergence", "undefined"]
    corrected = [est.intelligence_state(x) for x in (0.2, 0.1, 0.0, -0.1, math.nan)]
    assert corrected == ["healthy", "stagnation", "edge", "divergence", "undefined"]
    # The best network there is, p = 1 far from the edge, is healthy by its own bands only.
    best = est.intelligence(1.0, 2.0, 2.0)
    assert est.intelligence_state(best) == "healthy"
    assert est.intelligence_state(best, method="literal") == "transition"


def test_the_state_tells_the_edge_of_stability_from_the_absence_of_signal():
    dimension = known(2.0)
    edge = est.intelligence(known(0.6, 0.1), known(0.01, 0.05), dimension)
    silent = est.intelligence(known(-0.01, 0.05), known(1.5, 0.01), dimension)
    bursting = est.intelligence(known(-0.01, 0.05), known(-0.5, 0.01), dimension)

    assert est.intelligence_state(edge) == "edge"
    assert silent.value == 0
    assert est.intelligence_state(silent) == "stagnation"
    assert est.intelligence_state(bursting) == "divergence"


def test_the_cap_of_the_bands_is_that_of_the_estimate():
    low = est.intelligence(known(0.3), known(1.8), known(1.0))

    # 0.27 of a cap of 1 is healthy; 0.27 of a cap of 1/0.5 would not be.
    assert est.intelligence_state(low) == "healthy"
    assert est.intelligence_state(low, d_h=0.5) == "stagnation"


def test_the_triple_is_returned_and_flags_are_passed_on():
    e = est.intelligence(
        known(0.4, 0.1, ("too_few_samples",)), known(1.5), known(1.8, 0.1, ("hypothetical",))
    )

    assert {k: e.details[k] for k in ("p", "s", "d_h")} == {"p": 0.4, "s": 1.5, "d_h": 1.8}
    assert set(e.flags) == {"too_few_samples", "hypothetical", "heuristic"}
    assert e.level == 0.95
    assert e.details["joint_level"] == pytest.approx(0.85)
    assert e.low == pytest.approx(0.3 * 0.75 / 1.9)
    assert e.high == pytest.approx(0.5 * 0.75 / 1.7)


@pytest.mark.parametrize("flag", ["interpolated", "nonfinite"])
def test_the_index_is_undefined_where_an_input_is(flag):
    e = est.intelligence(known(0.5, flags=(flag,)), known(1.0), known(2.0))

    assert math.isnan(e.value)
    assert e.has("undefined")
    assert est.intelligence_state(e) == "undefined"
    assert math.isnan(est.intelligence(math.nan, 1.0, 2.0).value)


def test_the_interval_covers_more_often_than_its_level():
    rng = np.random.default_rng(3)
    c, d, n, reps, spread = 0.5, 20, 20, 400, 0.1
    truth = c / (1 + c) * 0.6 / 1.6
    mean = np.zeros(d)
    mean[0] = math.sqrt(c * d)
    hits = 0
    for _ in range(reps):
        p = est.probability(est.consolidation_ratio(mean + rng.standard_normal((n, d))))
        dimension = known(1.6 + spread * rng.standard_normal(), 1.96 * spread)
        e = est.intelligence(p, known(1.2, 0.0, level=1.0), dimension)
        hits += e.low <= truth <= e.high

    # At least the joint level 0.90 is guaranteed, the hull of two intervals covers more: 0.99 measured. Five
    # binomial standard errors at 0.97 are 0.043.
    assert hits / reps > 0.97 - 0.043


def test_what_has_no_meaning_is_refused():
    for call, word in (
        (lambda: est.intelligence(0.5), "placeholders"),
        (lambda: est.intelligence(0.5, 1.0, 0.0), "d_h must be positive"),
        (lambda: est.intelligence(0.5, 1.0, 2.0, "best"), "method"),
        (lambda: est.intelligence_state(0.5, "best"), "method"),
    ):
        with pytest.raises(EstimatorError, match=word):
            call()
