"""Colours that can be seen."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_rgb

from sdesim.plots.look import PHASE_COLOURS, REAL, SERIES, SIMULATED

PAGES = {"white": "#ffffff", "dark": "#15181d"}
DATA = {*(c for c, _ in (*REAL, *SIMULATED)), *SERIES, *PHASE_COLOURS.values()}


def luminance(colour):
    """Relative luminance of WCAG 2."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("colour", sorted(DATA))
def test_data_stand_out_by_three_to_one_on_white_and_on_a_dark_page(colour, page):
    low, high = sorted((luminance(colour), luminance(PAGES[page])))

    assert (high + 0.05) / (low + 0.05) >= 3.0
