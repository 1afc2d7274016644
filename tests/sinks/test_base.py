"""What every sink offers."""

from sdesim.sinks import Csv, CsvSink, opened


def test_an_open_sink_stays_as_it_is_and_a_recipe_opens_nothing_by_itself(tmp_path):
    recipe = Csv(str(tmp_path / "a.csv"))

    assert not (tmp_path / "a.csv").exists()
    sink = CsvSink(tmp_path / "a.csv")
    assert opened(sink) is sink
    sink.close()
    assert recipe == Csv(str(tmp_path / "a.csv"))
