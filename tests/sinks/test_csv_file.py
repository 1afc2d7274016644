"""Measurements as rows of a CSV file."""

from types import SimpleNamespace

import pytest

from sdesim.errors import RunError
from sdesim.kinds import read
from sdesim.sinks import Csv, opened


def row(step, c):
    return SimpleNamespace(step=step, row=lambda: {"step": step, "C": c})


def test_a_csv_recipe_opens_its_file_and_appends(tmp_path):
    recipe = read("sinks", {"kind": "csv", "file": str(tmp_path / "new" / "a.csv")})

    for step in (1, 2):
        sink = opened(recipe)
        sink.write(row(step, None if step == 1 else 0.5))
        sink.close()

    assert (tmp_path / "new" / "a.csv").read_text().split() == ["step,C", "1,", "2,0.5"]


def test_a_file_with_other_columns_or_out_of_reach_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("step\n1\n")
    sink = Csv(str(tmp_path / "a.csv")).open()

    with pytest.raises(RunError, match="has other columns: no 'C'"):
        sink.write(row(1, 0.5))
    sink.close()
    with pytest.raises(RunError, match="can't write"):
        Csv(str(tmp_path / "a.csv" / "b.csv")).open()
