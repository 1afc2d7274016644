"""The page of a sweep."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from sdesim.commands.sweep import print_sweep
from sdesim.comparison.sweep_fits import fit_sweep
from sdesim.errors import RunError
from sdesim.io.files import atomic_write_json
from sdesim.report.sweep_page import _shown, write_sweep_report
from sdesim.runs.quantities import quantities
from tests.plots.sweeps import ALPHA, SCALE, table


def test_the_page_of_a_sweep_shows_what_the_table_of_quantities_marks():
    marked = [(row.name, at) for row in quantities() for at in row.swept]

    assert [item[:2] for item in _shown()] == marked
    assert {("C_alpha", "mean"), ("loss", "end"), ("exit_time.mean", "whole run")} <= set(marked)
    assert all(title and caption.endswith(".") for *_, title, caption in _shown())


def test_a_folder_without_a_table_has_no_page(tmp_path):
    (tmp_path / "summary.json").write_text("{}")

    with pytest.raises(RunError, match="holds no table of a sweep"):
        write_sweep_report(tmp_path)


def write_swept(folder, law=None):
    """The page of a sweep over two axes, in a folder; its path."""
    data = table(lambda a, s: (0.3 / s) ** 2, at="mean")
    data["rows"] += table(lambda a, s: 2.0, "S", "mean")["rows"]
    summary = {
        "name": "swept <b>", "description": "", "seed": 1, "wall_time": 2.0, "quick": False, "fits": [],
        "axes": [{**axis, "key": "x"} for axis in data["axes"]],
        "points": [{"name": f"{a}{s}", "state": "finished"} for a in ALPHA for s in SCALE],
    }  # fmt: skip
    if law:
        summary["fits"] = [f.to_dict() for f in fit_sweep(data, law, "C_alpha", axis="scale")]
    for name, content in (("table", data), ("summary", summary)):
        atomic_write_json(folder / f"{name}.json", content)
    return write_sweep_report(folder)


def test_a_page_has_a_row_for_each_point_and_a_figure_of_what_varies(tmp_path):
    page = write_swept(tmp_path).read_text(encoding="utf-8")

    # S has one value everywhere, and nothing is known of phases.
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == [
        "map_C_alpha_mean.csv",
        "map_C_alpha_mean.svg",
    ]
    assert page.count("<svg ") == 1
    assert "12 points of alpha (3) × scale (4) ran; nothing was expected of them." in page
    assert "swept &lt;b&gt;" in page
    assert "12 points, 12 finished" in page
    assert page.count('href="points/') == 12
    # (0.3/0.1)² within a factor of 1.1.
    assert "9<br><small>[8.182, 9.9]</small>" in page


def test_a_law_is_told_with_its_slopes_between_neighbours(tmp_path, capsys):
    page = write_swept(tmp_path, "power-law").read_text(encoding="utf-8")
    summary = json.loads((tmp_path / "summary.json").read_text())
    print_sweep(summary | {"points": [p | {"outcomes": []} for p in summary["points"]]}, tmp_path)

    assert len(summary["fits"]) == len(ALPHA)
    said = " ".join(capsys.readouterr().out.split())
    for start, end in pairwise(SCALE):
        for text in (" ".join(page.split()), said):
            assert text.count(f"from {start:g} to {end:g}") == len(ALPHA)
