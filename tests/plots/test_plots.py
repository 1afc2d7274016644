"""The public figures: all are tested, and their names need no matplotlib."""

from __future__ import annotations

import subprocess
import sys

from sdesim import plots
from tests.plots.figures import COMPANIONS_ONE, COMPANIONS_SEVERAL, CURVES_ONE, CURVES_SEVERAL


def test_every_public_figure_is_tested_here_or_with_the_sweeps():
    others = {
        "NothingToDraw",
        "curves",
        "distances",
        "panel",
        "phase_map",
        "quantity",
        "quantity_map",
        "styled",
    }

    assert set(plots.__all__) == {*CURVES_ONE, *CURVES_SEVERAL, *COMPANIONS_ONE, *COMPANIONS_SEVERAL, *others}
    assert all(callable(getattr(plots, name)) for name in plots.__all__)


def test_the_names_of_figures_need_no_matplotlib_to_be_known():
    code = "import sys, sdesim; dir(sdesim.plots); print('matplotlib' in sys.modules, 'numpy' in sys.modules)"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out.split() == ["False", "False"]
