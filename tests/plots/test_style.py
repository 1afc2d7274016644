"""Axes that fit what is drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from sdesim.errors import RunError
from sdesim.plots.style import finish, legend, one_panel, panels, scale, styled


@pytest.mark.parametrize(("longest", "scale"), [(20.0, "linear"), (9e4, "symlog")])
def test_time_is_logarithmic_where_one_arm_would_be_a_vertical_line(longest, scale):
    with styled() as StyledFigure:
        ax = StyledFigure().subplots()
        ax.plot([0.0, 0.5, 1.0], [1.0, 2.0, 3.0])
        ax.plot([0.0, longest / 2, longest], [1.0, 2.0, 3.0])
        # A guide across the whole axes lasts no time.
        ax.axhline(1.0)

        finish(ax, "loss")

    assert ax.get_xscale() == scale
    assert ax.get_xlabel().endswith("log axis") == (scale == "symlog")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.0, 2.0, 11.0], "linear"),
        ([1.0, 2.0, 20.0], "log"),
        ([-1.0, 2.0, 20.0], "symlog"),
        ([0.0, np.nan, 5.0], "linear"),
        ([], "linear"),
    ],
)
def test_an_axis_is_logarithmic_over_a_decade_and_linear_about_zero_where_signs_mix(values, kind):
    ax = Figure().subplots()
    ax.plot(values)

    scale(ax, [np.array(values)])

    assert ax.get_yscale() == kind


def test_a_band_below_a_logarithmic_axis_ends_at_its_floor():
    ax = Figure().subplots()
    mean = np.array([1.0, 10.0, 100.0])
    ax.fill_between([0.0, 1.0, 2.0], mean - 5, mean + 5)

    scale(ax, [mean])

    floor, top = ax.get_ylim()
    assert floor < 1.0
    assert top > 100.0
    assert min(path.vertices[:, 1].min() for band in ax.collections for path in band.get_paths()) == floor


def test_axes_are_new_ones_in_our_style_or_those_given():
    mine = Figure().subplots()

    with one_panel(mine) as given, one_panel(None, (3.0, 2.0)) as own:
        assert given is mine
        assert list(own.figure.get_size_inches()) == [3.0, 2.0]
        assert not own.spines["top"].get_visible()
    with panels(None, 3, (4.0, 4.0), columns=2) as made:
        assert len(made) == 3
        assert [ax.get_visible() for ax in made[0].figure.axes] == [True, True, True, False]
    with (
        pytest.raises(RunError, match="axes: found 1, allowed: 3, one for each panel"),
        panels(mine, 3, (4, 4)),
    ):
        pass


def test_our_own_figure_has_its_legend_under_it_and_given_axes_have_theirs_inside():
    own, given = Figure().subplots(), Figure().subplots()
    for ax in (own, given):
        ax.plot([1.0], label="one")

    legend(own, None)
    legend(given, given)

    assert own.get_legend() is None
    assert len(own.figure.legends) == 1
    assert given.get_legend() is not None
    assert not given.figure.legends
