"""Where the trajectories of runs with reductions lie."""

import numpy as np
import pytest

from sdesim.plots.ensembles import ensemble
from sdesim.plots.style import NothingToDraw
from tests.engine.reductions.reduced import run


def test_the_middle_quantile_is_drawn_with_a_panel_for_each_coordinate():
    axes = ensemble(run())

    assert len(axes) == 2
    np.testing.assert_array_equal(axes[1].lines[0].get_ydata(), run()["quantile"][1, :, 1])


def test_without_quantiles_it_is_the_mean_and_without_a_mean_the_extremes():
    bare = run().drop_vars("quantile")
    moments, extremes = ensemble(bare), ensemble(bare.assign_attrs(infinite_moments=[1, 2, 3, 4]))

    np.testing.assert_array_equal(moments[0].lines[0].get_ydata(), bare["moment"][0, :, 0])
    np.testing.assert_array_equal(extremes[0].lines[1].get_ydata(), bare["maximum"][:, 0])
    with pytest.raises(NothingToDraw):
        ensemble(bare.drop_vars(["moment", "minimum"]))
