"""Measurements as scalars of TensorBoard."""

import pytest

from sdesim.errors import RunError
from sdesim.sinks import TensorBoard, TensorBoardSink
from tests.sinks.rows import measured


def test_finite_numbers_are_scalars_of_the_log_which_a_closed_one_goes_on_with(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sink = TensorBoard(str(tmp_path / "log")).open()
    sink.write(measured(1))
    sink.write(measured(2, lambda_max=3.0))
    sink.close()
    sink.write(measured(3))
    sink.close()

    found = EventAccumulator(str(tmp_path / "log"))
    found.Reload()
    read = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    assert read["sdesim/C_alpha"] == [(1, 0.5), (2, 0.5), (3, 0.5)]
    # Its interval is not known, and what is no number is no scalar.
    assert read["sdesim/lambda_max"] == [(2, 3.0)]
    assert not {"sdesim/lambda_max_low", "sdesim/phase", "sdesim/step"} & set(read)


def test_without_the_package_or_out_of_reach_it_is_refused(tmp_path, monkeypatch):
    (tmp_path / "log").touch()
    with pytest.raises(RunError, match="can't write"):
        TensorBoardSink(tmp_path / "log")
    monkeypatch.setattr("sdesim.sinks.tensorboard.find_spec", lambda name: None)
    with pytest.raises(RunError, match="needs the packages torch and tensorboard"):
        TensorBoardSink(tmp_path / "log")
