"""What every sink offers."""

import math

from sdesim.sinks import Csv, CsvSink, FolderSink, opened
from sdesim.sinks.base import scalars
from tests.sinks.rows import measured


def test_an_open_sink_stays_as_it_is_a_recipe_opens_nothing_by_itself_and_a_path_is_a_folder(tmp_path):
    recipe = Csv(str(tmp_path / "a.csv"))

    assert not (tmp_path / "a.csv").exists()
    sink = CsvSink(tmp_path / "a.csv")
    assert opened(sink) is sink
    sink.close()
    assert recipe == Csv(str(tmp_path / "a.csv"))
    assert isinstance(opened(tmp_path / "x"), FolderSink)


def test_scalars_are_the_finite_numbers_but_the_step():
    found = scalars(measured(4, loss=math.nan, C_star=(1.0, 0.5, math.inf)))

    assert found["C_star_low"] == 0.5
    assert not {"loss", "C_star_high", "step", "phase"} & set(found)
