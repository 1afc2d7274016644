"""The study of intervals within their support."""

import numpy as np
import pytest

from analysis.support import coverage, power


def test_every_law_has_the_mean_that_its_line_is_held_against():
    for law in coverage.laws():
        x = law.draw(np.random.default_rng(0), (1, 40_000))
        # Five standard errors of the mean.
        if np.isfinite(law.mean):
            assert abs(x.mean() - law.mean) < 5 * x.std() / 200, law.name
        assert law.support.debiased or law.support.holds(x)


def test_a_line_tells_of_coverage_and_of_what_leaves_the_support(monkeypatch):
    monkeypatch.setattr(coverage, "TRIALS", 400)
    law = next(law for law in coverage.laws() if "exponential" in law.name)

    four = next(coverage._lines(law)).split("|")

    # 0.939 in 20,000 repeats; five standard errors of 400 are 0.06. The plain ones leave it in 0.75 of them.
    assert float(four[3]) == pytest.approx(0.939, abs=0.06)
    assert float(four[5]) == pytest.approx(0.75, abs=0.11)


def test_seeds_have_unit_variance_and_the_correlation_asked_for():
    x = power.paths(np.random.default_rng(1), 4000, 3.0)

    # The product of two unit normals has an s.d. below 1.5; of 4,000 five standard errors are 0.12.
    assert x.var() == pytest.approx(1, abs=0.12)
    assert (x[:, 3] * x[:, 6]).mean() == pytest.approx(np.exp(-1), abs=0.12)
