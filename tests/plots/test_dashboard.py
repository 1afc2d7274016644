"""The figures of a report, of which the table of quantities has one for each row."""

from __future__ import annotations

from sdesim.comparison import compare
from sdesim.plots.dashboard import FIGURES
from sdesim.plots.style import axis_label
from sdesim.report.page import drawn
from sdesim.runs.quantities import quantities


def test_every_row_has_a_figure_of_the_report_but_for_numbers_that_none_draws(views, runs, measured):
    figures = {spec.name: spec for spec in FIGURES}
    found = compare(runs["sde"], runs["net"], measured=(measured["sde"], measured["net"]))
    pictures = {name: drawn(spec.draw, views, [found.to_dict()], {}) for name, spec in figures.items()}

    # What drives the simulated arm is not told here, and no arm is a forecast.
    lacking = [name for name, picture in pictures.items() if picture is None]
    assert lacking == ["paths", "density", "forecast", "ensemble"]
    pictures = {name: picture for name, picture in pictures.items() if picture is not None}
    assert [row.name for row in quantities() if row.figure not in figures] == [
        "theta_tail_index",
        "theta_tail_exponent",
    ]
    labels = {name: {ax.get_ylabel() for ax in picture.axes} for name, picture in pictures.items()}
    for row in quantities():
        # What is computed from another row has its figure where the scenario asks for it.
        if (
            row.probed
            and not row.follows
            and row.figure in ("further", "geometry", "lyapunov", "signal_noise", "curvature")
        ):
            assert axis_label(row) in labels[row.figure], row.name
