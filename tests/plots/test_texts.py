"""Which texts of a figure are read as mathematics."""

from __future__ import annotations

import io

import pytest

from sdesim.plots.inline_svg import svg
from sdesim.plots.style import one_panel, panels
from sdesim.plots.texts import draw_as_written

HOSTILE = "$\\frac{$"


def drawn(figure):
    written = io.StringIO()
    figure.savefig(written, format="svg")
    return written.getvalue()


@pytest.mark.parametrize("given", [False, True])
def test_a_name_with_dollars_is_drawn_as_it_is_wherever_it_stands(given):
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    mine = Figure().subplots() if given else None
    with one_panel(mine) as ax:
        ax.plot([0, 1], [0, 1], label=HOSTILE)
        ax.set_title(f"{HOSTILE}\n$a$ of {HOSTILE}")
        ax.set_ylabel("$C_\\alpha$")
        ax.annotate(HOSTILE, (0, 0))
        ax.legend()

    assert drawn(ax.figure)
    texts = [text for text in ax.figure.findobj(Text) if HOSTILE in text.get_text()]
    assert len(texts) == 3
    assert not any(text.get_parse_math() for text in texts)
    assert ax.yaxis.label.get_parse_math()


def test_panels_that_were_given_are_looked_at_too():
    from matplotlib.figure import Figure

    with panels(Figure().subplots(1, 2), 2, (4, 2)) as axes:
        axes[1].set_xlabel(HOSTILE)

    assert drawn(axes[0].figure)


def test_ticks_of_a_logarithmic_axis_stay_powers():
    with one_panel(None) as ax:
        ax.plot([1e-3, 1e3], [2e-5, 3e5])
        ax.set_xscale("log")
        ax.set_yscale("symlog", linthresh=1e-4)
    before = svg(ax.figure)

    draw_as_written(ax.figure)

    assert svg(ax.figure) == before
    assert "$" not in before


def test_escape_codes_are_drawn_as_escapes():
    with one_panel(None) as ax:
        ax.set_title("a\x1b[31m\nb\r")

    assert ax.get_title(loc="left") == "a\\x1b[31m\nb\\r"
