"""Quantiles and Hill's estimate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from sdesim import plots
from sdesim.errors import RunError
from sdesim.estimators import tail_index
from sdesim.plots.style import NothingToDraw

RNG = np.random.default_rng(5)
GAUSSIAN, HEAVY = RNG.standard_normal(2000), RNG.standard_t(1.2, 2000)


def test_samples_of_the_law_lie_on_the_diagonal_and_a_heavier_tail_beyond_it():
    ax = plots.qq({"Gaussian": GAUSSIAN, "heavy": HEAVY})

    _, plain, heavy = ax.lines
    x, y = plain.get_data()
    middle = np.abs(x) < 1.5
    # The standard error of a quantile there is at most 0.05; 2000 samples, six of them.
    assert np.abs(y - x)[middle].max() < 0.3
    assert heavy.get_ydata()[-1] > 3 * heavy.get_xdata()[-1]
    assert ax.get_yscale() == "symlog"
    assert plots.qq(GAUSSIAN).get_yscale() == "linear"
    assert np.abs(np.diff(plots.qq(HEAVY, student(1.2)).lines[0].get_data(), axis=0)).max() == 0.0


def test_the_band_holds_most_of_the_samples_of_its_law():
    ax = plots.qq(GAUSSIAN)

    x, y = ax.lines[1].get_data()
    edges = ax.collections[0].get_paths()[0].vertices
    low, high = (np.array([f(edges[edges[:, 0] == at, 1]) for at in x]) for f in (np.min, np.max))
    # Each lies inside with probability 0.95, neighbours together: half of them is far off that.
    assert ((y >= low) & (y <= high)).mean() > 0.5


def test_hills_mark_is_the_estimate_that_the_data_choose():
    ax = plots.hill({"heavy": HEAVY})

    found = tail_index(HEAVY, "hill")
    mark = next(line for line in ax.lines if line.get_marker() == "o")
    assert mark.get_xdata()[0] == found.details["k"]
    # Its samples are standardised in another way, which moves the centre a little.
    assert mark.get_ydata()[0] == pytest.approx(found.value, rel=0.02)


def test_runs_give_the_projections_of_their_gradients(runs):
    names = plots.qq(runs).get_legend_handles_labels()[1]

    columns = runs["net"]["gradient_projection"].size
    assert names[1:] == [f"net ({columns:,})", f"sde ({columns:,})"]
    assert plots.hill(runs["net"]).get_legend_handles_labels()[1][0].startswith("net: ")
    with pytest.raises(NothingToDraw, match="it was not probed"):
        plots.qq(runs["net"].drop_dims("probe"))


@pytest.mark.parametrize("plot", [plots.qq, plots.hill])
def test_what_can_not_be_drawn_is_said(plot):
    with pytest.raises(NothingToDraw, match="found 19 finite samples"):
        plot(np.append(GAUSSIAN[:19], np.nan))
    with pytest.raises(NothingToDraw, match="the same number"):
        plot(np.zeros(50))
    with pytest.raises(RunError, match="level"):
        plot(GAUSSIAN, level=1.0)
