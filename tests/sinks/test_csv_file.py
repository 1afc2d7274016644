"""Measurements as rows of a CSV file."""

import csv
from types import SimpleNamespace

import pytest

from sdesim.errors import RunError
from sdesim.kinds import read
from sdesim.sinks import Csv, opened


def row(step, **values):
    return SimpleNamespace(step=step, row=lambda: {"step": step, **values})


def test_a_csv_recipe_opens_its_file_and_appends(tmp_path):
    recipe = read("sinks", {"kind": "csv", "file": str(tmp_path / "new" / "a.csv")})

    for step in (1, 2):
        sink = opened(recipe)
        sink.write(row(step, C=None if step == 1 else 0.5))
        sink.close()

    assert (tmp_path / "new" / "a.csv").read_text().split() == ["step,C", "1,", "2,0.5"]


def test_a_number_that_comes_later_gets_a_column_and_a_closed_file_goes_on(tmp_path):
    sink = Csv(str(tmp_path / "a.csv")).open()
    sink.write(row(1, C=0.5, phase="a,b"))
    sink.write(row(2, C=0.25, lambda_max=3.0))
    sink.close()
    sink.write(row(3, lambda_max=4.0))
    sink.close()

    with (tmp_path / "a.csv").open(newline="") as file:
        found = [list(r.values()) for r in csv.DictReader(file)]
    # Under step, C, phase and lambda_max.
    assert found == [["1", "0.5", "a,b", ""], ["2", "0.25", "", "3.0"], ["3", "", "", "4.0"]]


def test_a_name_with_ends_of_lines_has_one_column_in_a_file_that_goes_on(tmp_path):
    names = ["a\nb", "c\rd", "e\u2028f", 'g"h,i']
    for step in (1, 2):
        sink = Csv(str(tmp_path / "a.csv")).open()
        sink.write(row(step, **dict.fromkeys(names, step / 4)))
        sink.close()

    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["step", *names]
    assert rows == [["1", *["0.25"] * 4], ["2", *["0.5"] * 4]]


def test_a_half_written_row_stays_one_of_its_own(tmp_path):
    (tmp_path / "a.csv").write_text("step,C\n1,0.5\n2,0.")
    sink = Csv(str(tmp_path / "a.csv")).open()
    sink.write(row(3, C=0.5))
    sink.close()

    assert (tmp_path / "a.csv").read_text().split() == ["step,C", "1,0.5", "2,0.", "3,0.5"]


def test_a_file_of_something_else_or_out_of_reach_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name\nx\n")

    with pytest.raises(RunError, match="has other columns: no 'step'"):
        Csv(str(tmp_path / "a.csv")).open()
    with pytest.raises(RunError, match="can't write"):
        Csv(str(tmp_path / "a.csv" / "b.csv")).open()


def test_names_and_words_are_no_formulas_and_keep_their_column(tmp_path):
    for step in (1, 2):
        sink = Csv(str(tmp_path / "a.csv")).open()
        sink.write(row(step, **{"=HYPERLINK(1)": -0.5, "@layer": "+1+1"}))
        sink.write(row(step, later=-1.5))
        sink.close()

    with (tmp_path / "a.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["step", "'=HYPERLINK(1)", "'@layer", "later"]
    assert rows[0] == ["1", "-0.5", "'+1+1", ""]
    assert rows[1] == ["1", "", "", "-1.5"]


def test_names_that_no_encoding_writes_keep_their_column(tmp_path):
    sink = Csv(str(tmp_path / "a.csv")).open()
    for step in (1, 2):
        sink.write(row(step, **{"=a\ud800": 0.5}))
    sink.close()

    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["step", r"'=a\ud800"], ["1", "0.5"], ["2", "0.5"]]
