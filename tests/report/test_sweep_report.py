"""Figures of sweeps: where the lines lie, what is hatched, and the power law with its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from sdesim.comparison.power_law import power_law
from sdesim.plots.phase_maps import phase_map, quantity_map
from sdesim.plots.style import NothingToDraw
from sdesim.plots.sweep_curves import curves
from sdesim.plots.sweep_table import SweepAxis, slices
from sdesim.report import SweepTable, power_laws
from sdesim.report.sweep_page import _shown
from sdesim.runs.quantities import quantities

ALPHA, SCALE = [1.2, 1.5, 1.8], [0.1, 0.2, 0.4, 0.8]
ALL = (slice(None), slice(None))


def table(function, quantity="C_alpha", at="end", n=8, relative=0.1, arm="sde"):
    """A table over alpha × scale of function(alpha, scale) with intervals of that relative half-width."""
    rows = [
        {
            "point": f"{a}{s}", "alpha": a, "scale": s, "arm": arm, "kind": "simulated", "quantity": quantity,
            "at": at, "value": function(a, s), "low": function(a, s) / (1 + relative),
            "high": function(a, s) * (1 + relative), "n": n,
        }
        for a in ALPHA
        for s in SCALE
    ]  # fmt: skip
    axes = [{"label": "alpha", "values": ALPHA}, {"label": "scale", "values": SCALE}]
    return {"axes": axes, "rows": rows}


@pytest.mark.parametrize(
    ("values", "geometric"),
    [
        ((0.05, 0.1, 0.2, 0.4), True),
        ((4, 16, 64, 256), True),
        ((1.2, 1.5, 1.8, 2.0), False),
        ((0.0, 1.0, 10.0), False),
        ((1, 2, 3, 4, 5), False),
        (("relu", "tanh"), False),
    ],
)
def test_an_axis_is_logarithmic_where_its_values_are_geometric(values, geometric):
    assert SweepAxis("x", values).geometric is geometric


def test_values_in_any_order_end_up_in_their_place():
    shuffled = table(lambda a, s: a * s)
    shuffled["axes"][1]["values"] = [0.8, 0.1, 0.4, 0.2]

    found = SweepTable.of(shuffled).grids["sde", "C_alpha", "end"]

    assert np.allclose(found.value, np.outer(ALPHA, SCALE))


def line_of(axes, colour):
    """Vertices of the full line of a colour, in axis positions."""
    for collection in axes[0].collections:
        wide = np.atleast_1d(collection.get_linewidths())[0] > 2
        if wide and collection.get_edgecolors().size and np.allclose(collection.get_edgecolors()[0], colour):
            return np.concatenate([p.vertices for p in collection.get_paths()])
    return None


def test_the_line_of_c_equal_to_one_lies_where_c_is_one():
    # C = (0.3/scale)²: 1 at scale 0.3; log C is linear in log scale, so the interpolation is exact.
    found = quantity_map(SweepTable.of(table(lambda a, s: (0.3 / s) ** 2)), ALL, "C_alpha", "end", "C")

    line = line_of(found, (1, 1, 1, 1))

    assert np.allclose(line[:, 1], math.log10(0.3))
    assert np.allclose([line[:, 0].min(), line[:, 0].max()], [1.2, 1.8])


def test_the_line_of_c_star_lies_where_c_meets_it_and_none_is_drawn_that_is_not_met():
    both = table(lambda a, s: (0.05 / s) ** 2)
    both["rows"] += table(lambda a, s: 0.04, "C_star")["rows"]

    found = quantity_map(SweepTable.of(both), ALL, "C_alpha", "end", "C")

    assert line_of(found, (1, 1, 1, 1)) is None
    line = line_of(found, (1, 0xB0 / 255, 0, 1))
    assert np.allclose(line[:, 1], math.log10(0.25))


def test_cells_that_rest_on_too_little_are_hatched_and_no_others():
    data = table(lambda a, s: a + s, "exit_time.mean", "whole run")
    data["rows"][0]["high"] = math.inf
    data["rows"][5]["n"] = 2

    found = quantity_map(SweepTable.of(data), ALL, "exit_time.mean", "whole run", "T")

    hatched = [p for p in found[0].patches if p.get_hatch()]
    assert len(hatched) == 2
    centres = {tuple(np.round(p.get_center(), 6)) for p in hatched}
    assert (1.5, round(math.log10(0.2), 6)) in centres


def test_colours_are_logarithmic_for_c_with_a_few_below_zero_but_not_for_a_margin_with_a_sign():
    values = {"C_alpha": "LogNorm", "S": "Normalize"}

    for quantity, norm in values.items():
        data = table(lambda a, s: -0.1 if (a, s) == (1.2, 0.1) else s**3, quantity)
        found = quantity_map(SweepTable.of(data), ALL, quantity, "end", quantity)
        assert type(found[0].collections[0].norm).__name__ == norm


def test_maps_and_curves_draw_into_given_axes_with_the_words_of_the_table():
    data = SweepTable.of(table(lambda a, s: (0.3 / s) ** 2))
    one, three = Figure().subplots(), Figure().subplots(1, 1, squeeze=False)

    drawn = quantity_map(data, ALL, "C_alpha", "end", axes=one)
    lines = curves(data, 1, "C_alpha", "end", axes=three)

    assert list(drawn) == [one]
    assert list(lines) == [three[0, 0]]
    assert lines[0].get_ylabel() == r"$C_\alpha$ at the end"
    assert lines[0].lines[-1].get_ydata()[0] == 1.0


def test_the_page_of_a_sweep_shows_what_the_table_of_quantities_marks():
    marked = [(row.name, at) for row in quantities() for at in row.swept]

    assert [item[:2] for item in _shown()] == marked
    assert {("C_alpha", "mean"), ("loss", "end"), ("exit_time.mean", "whole run")} <= set(marked)
    assert all(title and caption.endswith(".") for *_, title, caption in _shown())


def test_a_quantity_that_never_varies_gets_no_map():
    for function, quantity in ((lambda a, s: 2.0, "C_alpha"), (lambda a, s: s, "loss")):
        with pytest.raises(NothingToDraw, match=f"{quantity} at end"):
            quantity_map(SweepTable.of(table(function)), ALL, quantity, "end")


def test_the_phase_map_shows_the_commonest_phase_with_its_share():
    shares = {"exploration": 0.7, "transition": 0.2, "generalization": 0.1}
    data = table(lambda a, s: 1.0)
    data["rows"] = [
        row
        for phase, share in shares.items()
        for row in table(lambda a, s, v=share: v, f"phase_fraction.{phase}", "whole run")["rows"]
    ]

    found = phase_map(SweepTable.of(data), ALL)

    assert {t.get_text() for t in found[0].texts} == {"70%"}


def test_exit_times_that_follow_a_power_law_give_its_exponent_for_each_alpha():
    data = SweepTable.of(table(lambda a, s: 3 * s**-a, "exit_time.mean", "whole run"))

    found = power_laws(data)

    assert [(f["held"], f["axis"]) for f in found] == [(f"alpha = {a}", "scale") for a in ALPHA]
    for f, a in zip(found, ALPHA, strict=True):
        assert f["value"] == pytest.approx(-a)
        assert f["low"] < -a < f["high"]
    drawn = curves(data, 1, "exit_time.mean", "whole run", "T")
    assert drawn[0].get_xscale() == drawn[0].get_yscale() == "log"


def test_the_interval_of_an_exponent_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    x, s = np.array([1.0, 2, 4, 8, 16]), 0.1
    hits = 0
    for _ in range(2000):
        y = 2 * x**-1.5 * np.exp(s * rng.standard_normal(5))
        fit = power_law(x, y, y * np.exp(-1.96 * s), y * np.exp(1.96 * s))
        hits += fit.low <= -1.5 <= fit.high

    # Student's factor on a known s makes it conservative: 1,900 or more, less 4.8 s.e. of 9.7.
    assert hits >= 1853


def test_points_without_a_closed_interval_do_not_enter_the_fit():
    x, y = np.array([1.0, 2, 4, 8, 16]), np.array([1.0, 2, 4, 8, 3])
    high = np.array([*(1.1 * y[:4]), math.inf])

    fit = power_law(x, y, 0.9 * y, high)

    assert fit.n == 4
    assert fit.value == pytest.approx(1.0)
    assert power_law(x[:2], y[:2], 0.9 * y[:2], 1.1 * y[:2]).has("too_few")


def test_slices_hold_all_other_axes_at_each_of_their_values():
    axes = [SweepAxis("a", (1, 2)), SweepAxis("b", (3, 4)), SweepAxis("c", ("x", "y"))]

    found = list(slices(axes, [0, 1]))

    assert [words for _, words in found] == ["c = x", "c = y"]
    assert found[1][0] == (slice(None), slice(None), 1)
