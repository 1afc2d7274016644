"""Hill's estimator against Pareto tails and population values."""

import math

import numpy as np
import pytest

from sdesim import estimators as est
from tests.estimators.samples import stable


# GT23, n = 200,000, k = 2,000: population values of Hill at the upper percent and of the ECF slope; Hill's
# standard errors are 0.034 (α/√k), 0.058 and 0.20, the ECF's of one sample 0.0039 and 0.0045.
@pytest.mark.parametrize(
    ("law", "hill", "hill_error"),
    [
        ("stable1.5", 1.529536, 0.034),
        ("stable1.9", 2.609169, 0.065),
        ("normal", 9.004106, 0.22),
        ("t3", 2.88175, 0.065),
    ],
)
def test_gt23_hill_with_user_k_reads_the_population_value_at_its_fraction(law, hill, hill_error):
    n = 200_000
    if law.startswith("stable"):
        x = stable(float(law[6:]), (n, 1), 5)
    else:
        rng = np.random.default_rng(5)
        x = math.sqrt(2) * rng.standard_normal(n) if law == "normal" else rng.standard_t(3, n)

    e = est.tail_index(x, "hill", k=2000)

    assert abs(e.value - hill) < 5 * hill_error
    assert e.details["k"] == 2000
    assert e.has("near_2") == (hill > 1.7)


def test_hill_with_automatic_k_covers_pareto_tails_and_reports_its_curve():
    rng = np.random.default_rng(3)
    hits, ks = 0, []
    for _ in range(60):
        x = (rng.pareto(1.5, 4000) + 1) * rng.choice([-1.0, 1.0], 4000)
        e = est.tail_index(x, "hill")
        hits += e.low <= 1.5 <= e.high
        ks.append(e.details["k"])
        assert {"k", "hill_half_k", "hill_double_k"} <= set(e.details)

    # 60 of a true 95%: 5 binomial errors below are 48.6.
    assert hits >= 49
    # A symmetric Pareto law is one in |x| down to the median, so nearly a quarter of n/4 is used.
    assert np.median(ks) > 100


def test_hill_says_where_its_value_depends_on_k():
    x = np.random.default_rng(4).standard_normal(20_000)

    e = est.tail_index(x, "hill", k=2000)

    assert e.has("k_sensitive")
    assert e.details["hill_half_k"] > e.value > e.details["hill_double_k"]
