"""The study of the intervals of fits."""

import numpy as np
import pytest

from analysis.fits.coverage import CASES, drawn, line
from sdesim.kinds import kinds_of, read


def test_every_model_of_ours_is_in_the_study_with_all_of_its_parameters():
    own = {name for name, cls in kinds_of("fits").items() if cls.__module__.startswith("sdesim")}

    assert {case.model for case in CASES} == own
    for case in CASES:
        assert len(case.theta) == len(read("fits", case.model).parameters)


def test_series_are_as_they_are_watched():
    case = next(case for case in CASES if case.jitter)

    values, times = drawn(case, 0)

    assert values.shape == (case.n, case.series)
    assert (np.diff(times) > 0).all()
    # Binomial, five standard errors.
    assert np.isnan(values).mean() == pytest.approx(case.share, abs=5 * 0.3 / case.n**0.5)


def test_a_line_says_what_was_held():
    case = next(case for case in CASES if case.model == "geometric-brownian")

    told = line(case, 20)

    # A miss has probability 0.05: more than 8 of 20 have 1e-6.
    shares = [float(part.split()[1]) for part in told.split("|")[4].split(", ")]
    assert min(shares) >= 0.6
    assert told.startswith("| geometric-brownian | two years of days | 20 | drift ")
