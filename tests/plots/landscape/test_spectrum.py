"""The density of a Hessian's eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest

from sdesim import plots
from sdesim.errors import RunError
from sdesim.estimators import spectral_density
from sdesim.plots.style import NothingToDraw

VALUES = np.append(np.zeros(28), [5.0, 9.0])


def product(v):
    return VALUES * v


def test_a_density_and_a_product_give_the_same_curve_with_peaks_at_the_eigenvalues():
    found = spectral_density(product, 30, probes=4, steps=8, width=0.2)

    made = plots.spectrum(product, 30, probes=4, steps=8, width=0.2)
    ax = plots.spectrum(found, edge=10.0)

    x, y = ax.lines[0].get_data()
    np.testing.assert_array_equal(y, made.lines[0].get_ydata())
    beside = np.abs(x - 5) < 1
    assert abs(x[beside][y[beside].argmax()] - 5) < 0.1
    assert ax.lines[1].get_xdata()[0] == 10.0
    assert ax.get_legend_handles_labels()[1][-1] == "edge 10"


def test_an_edge_far_away_is_named_and_not_drawn():
    ax = plots.spectrum(product, 30, probes=2, steps=8, edge=1e3)

    assert ax.get_xlim()[1] < 20
    assert ax.get_legend_handles_labels()[1][-1] == "edge 1e+03, beyond the axis"


def test_what_does_not_fit_is_refused():
    with pytest.raises(RunError, match="needs dim"):
        plots.spectrum(product)
    with pytest.raises(RunError, match="not to a density"):
        plots.spectrum(spectral_density(product, 30, probes=2, steps=4), 30)
    with pytest.raises(NothingToDraw, match="not finite"):
        plots.spectrum(lambda v: v * np.nan, 30)
