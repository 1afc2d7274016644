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
    assert titles == [
        "Loss", "Is the gradient signal or noise?", "Step size: how near is the edge?",
        "Which of the two moved?", "Noise: what part of the descent it undoes",
        "Index I (heuristic; below 0 unstable)",
    ]  # fmt: skip
    sharpness = figure.axes[2]
    labels = sharpness.get_legend_handles_labels()[1]
    assert labels == ["λmax", "λcrit, the edge"]
    np.testing.assert_array_equal(sharpness.lines[0].get_xdata(), [100, 300, 500, 700])
    share = figure.axes[4].lines[0].get_ydata()
    np.testing.assert_allclose(share, 0.2 * np.arange(1, 10))


def test_a_panel_of_literal_measurements_says_what_was_not_measured():
    history = [Measurement.of(0, loss=1.0), Measurement.of(1, loss=0.5)]

    figure = panel(history)

    assert [ax.get_title(loc="left") for ax in figure.axes if ax.get_visible()] == ["Loss"]
    assert figure.get_supxlabel().startswith("Not measured: C, critical batch, sharpness")
    assert figure.get_suptitle().startswith("Nothing is resolved yet")
    mine = Figure().subplots(1, 3)
    plots.monitor(history, axes=mine)
    assert [ax.texts[0].get_text() for ax in mine if ax.texts] == ["not measured"] * 2
    with pytest.raises(RunError, match="axes: found 12, allowed: at most 11"):
        plots.monitor(history, axes=Figure().subplots(3, 4))


def test_readings_that_answer_questions_have_panels_and_lines_above_them():
    history = [
        Measurement.of(
            100 * k, batch_size=128, C_1=(1 / 41, 1 / 52 if k < 3 else 0.0, 1 / 33), C_alpha=3.1,
            edge_ratio=(0.5, 0.4, 0.6), progress=(-0.1, -0.2, -0.05), progress_heldout=(-0.1, -0.2, 0.0),
            gradient_agreement=(0.5, 0.4, 0.6), lyapunov_drift=(-1.0, -2.0, -0.5),
            groups={f"layer {j}": j + 1.0 for j in range(9)},
        )
        for k in range(5)
    ]  # fmt: skip

    figure = panel(history)

    shown = {ax.get_title(loc="left"): ax for ax in figure.axes if ax.get_visible()}
    batch = shown["Batch size: would another one pay?"]
    np.testing.assert_allclose(batch.lines[0].get_ydata(), 41)
    assert batch.lines[1].get_label() == "batch in use"
    # An interval without an upper end reaches the top of the axis.
    top = batch.collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == batch.get_ylim()[1]
    assert shown["C of 6 of 9 layers"].get_legend_handles_labels()[1][:2] == ["layer 0", "layer 2"]
    assert shown["What does a step change?"].get_legend_handles_labels()[1][:2] == ["training", "held out"]
    for title in ("Do train and held-out gradients agree?", "Does the loss rise or fall on average?"):
        assert len(shown[title].collections) == 1
    assert shown["Step size: how near is the edge?"].get_ylabel() == "λ/λcrit"
    # The last interval supports no smaller batch.
    assert figure.get_suptitle().startswith("No change is called for so far: step is at 0.5 [0.4, 0.6]")


def test_no_measurements_are_named():
    with pytest.raises(RunError, match="no measurements"):
        panel([])
