"""The health panel."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from sdesim import plots
from sdesim.errors import RunError
from sdesim.report import panel
from sdesim.training import Measurement


def test_the_panel_of_a_monitor_draws_into_six_axes():
    history = [Measurement.of(k, loss=1.0 / (k + 1), C_alpha=1.0) for k in range(3)]
    mine = Figure().subplots(3, 2)

    given = plots.monitor(history, axes=mine)

    assert list(given) == list(mine.ravel())
    assert given[0].get_title(loc="left") + given[0].get_title() == "Loss"


def test_a_panel_shows_every_quantity_and_marks_eigenvalues_that_have_not_converged():
    rng = np.random.default_rng(0)
    history = [
        Measurement.of(
            100 * k, loss=2.0 / (k + 1), validation_loss=2.1 / (k + 1), C_alpha=(1 / (k + 1), 0.1, 2.0),
            C_star=0.2, signal=float(rng.random()), noise=1.0, lambda_crit=20.0, I=(0.2, 0.1, 0.3),
            lambda_max=(5.0 + k, 4.0, 20.0) if k % 2 else None,
        )
        for k in range(9)
    ]  # fmt: skip

    figure = panel(history)

    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert len(titles) == 6
    sharpness = figure.axes[3]
    labels = sharpness.get_legend_handles_labels()[1]
    assert labels == ["λmax", "λcrit, the edge"]
    np.testing.assert_array_equal(sharpness.lines[0].get_xdata(), [100, 300, 500, 700])
    share = figure.axes[4].lines[0].get_ydata()
    np.testing.assert_allclose(share, 0.2 * np.arange(1, 10))


def test_a_panel_of_literal_measurements_says_what_was_not_measured():
    figure = panel([Measurement.of(0, loss=1.0), Measurement.of(1, loss=0.5)])

    assert [ax.texts[0].get_text() for ax in figure.axes if ax.texts] == ["not measured"] * 5


def test_no_measurements_are_named():
    with pytest.raises(RunError, match="no measurements"):
        panel([])
