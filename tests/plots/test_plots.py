"""The public figures: all are tested, and their names need no matplotlib."""

from __future__ import annotations

import subprocess
import sys

from sdesim import plots
from tests.plots.figures import COMPANIONS_ONE, COMPANIONS_SEVERAL, CURVES_ONE, CURVES_SEVERAL

OTHERS = {
    "NothingToDraw", "animate", "characteristic_function", "claim", "compare", "convergence", "curve",
    "curves", "density", "distance", "fan", "gibbs", "hill",
    "loss_slice", "monitor", "paths", "phase_map", "qq",
    "quantity_map", "residual_qq", "spectrum", "stable_fit", "styled", "survival", "svg",
}  # fmt: skip


def test_every_public_figure_is_tested():
    known = {*CURVES_ONE, *CURVES_SEVERAL, *COMPANIONS_ONE, *COMPANIONS_SEVERAL, *OTHERS}

    assert set(plots.__all__) == known
    assert all(callable(getattr(plots, name)) for name in plots.__all__)


def test_every_public_figure_says_what_it_takes_and_gives():
    for name in plots.__all__:
        assert len((getattr(plots, name).__doc__ or "").strip()) > 20, name


def test_former_names_are_found():
    assert plots.quantity is plots.curve
    assert plots.exits is plots.survival


def test_the_names_of_figures_need_no_matplotlib_to_be_known():
    code = "import sys, sdesim; dir(sdesim.plots); print('matplotlib' in sys.modules, 'numpy' in sys.modules)"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out.split() == ["False", "False"]
