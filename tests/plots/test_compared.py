"""Runs beside one another, named at the ends of their curves."""

from __future__ import annotations

import numpy as np
import pytest

from sdesim import plots
from sdesim.comparison import compare
from sdesim.plots.look import REAL, SIMULATED
from sdesim.plots.style import NothingToDraw


def test_every_seed_has_a_line_and_every_arm_its_name_at_the_end(runs, measured):
    ax = plots.compare(runs, "lambda_max", measured=measured)

    assert [line.get_color() for line in ax.lines] == [REAL[0][0]] * 3 + [SIMULATED[0][0]] * 3
    assert {t.get_text() for t in ax.texts} == {"net (3)", "sde (3)"}
    assert ax.get_legend() is None
    for text in ax.texts:
        run = measured[text.get_text()[:3]]
        end = float(run["lambda_max"][:, -1].mean())
        low, high = ax.get_ylim()
        # The names stand at the ends, moved apart by at most their own height.
        assert abs(text.xy[1] - (end - low) / (high - low)) < 0.1


def test_a_comparison_shows_its_means_with_their_intervals(runs, measured):
    found = compare(runs["sde"], runs["net"], measured=(measured["sde"], measured["net"]))

    ax = plots.compare(found, "lambda_max")

    real, simulated = ax.lines
    np.testing.assert_array_equal(real.get_ydata(), found.quantities["lambda_max"].real.mean)
    np.testing.assert_array_equal(simulated.get_ydata(), found.quantities["lambda_max"].simulated.mean)
    assert len(ax.collections) == 2
    with pytest.raises(NothingToDraw, match="found quantity 'nothing', allowed: loss"):
        plots.compare(found, "nothing")


def test_names_of_ends_that_meet_stand_apart(runs):
    same = {str(k): runs["sde"] for k in range(4)}

    ax = plots.compare(same, "loss", measured=dict.fromkeys(same))

    heights = sorted(t.xy[1] for t in ax.texts)
    assert np.diff(heights).min() > 0.08
