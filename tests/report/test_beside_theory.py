"""Mean exit times beside those of theory."""

import numpy as np
import pytest

from sdesim import surfaces
from sdesim.plots.arms import arm_views
from sdesim.plots.grounded import Ground, Leaving
from sdesim.report.beside_theory import exits_beside_theory
from tests.plots.ensembles import ensemble

STILL = np.zeros((8, 11, 1))
WELL = surfaces.DoubleWell()


def test_a_row_has_the_mean_that_minds_who_stayed_beside_the_theory():
    times = np.array([1.0, 2.0, 2.0, 4.0, 1.0, 3.0, 2.0, 1.0])
    views = arm_views(
        {"all left": ensemble(STILL, exits=times), "no theory": ensemble(STILL, exits=times)}, {}
    )

    (row,) = exits_beside_theory(views, {"all left": Ground(WELL, 0.1, Leaving(4.0, "by hand"))})

    assert (row["arm"], row["theory"], row["law"]) == ("all left", "4", "by hand")
    assert row["watched"].startswith("8 of 8 left")
    assert row["mean"].startswith("2 [")
    assert row["ratio"].startswith("0.5 [")


@pytest.mark.parametrize("theory", [6e43, np.inf])
def test_where_nobody_left_the_time_watched_is_a_bound_and_there_is_no_ratio(theory):
    views = arm_views({"stays": ensemble(STILL, exits=np.full(8, np.nan))}, {})

    (row,) = exits_beside_theory(views, {"stays": Ground(WELL, 0.1, Leaving(theory, "by hand"))})

    assert row["watched"].startswith("0 of 8 left")
    assert row["mean"].startswith("above ")
    assert row["ratio"] == ""
