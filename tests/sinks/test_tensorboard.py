"""Measurements as scalars of TensorBoard."""

from types import SimpleNamespace

from sdesim.sinks import TensorBoardSink


def test_every_number_but_the_step_is_a_scalar_at_that_step():
    written = []
    writer = SimpleNamespace(
        add_scalar=lambda *scalar: written.append(scalar), close=lambda: written.append("closed")
    )
    row = {"step": 3, "C": 0.25, "phase": "signal", "lambda_max": None, "n": 2}

    sink = TensorBoardSink(writer=writer)
    sink.write(SimpleNamespace(step=3, row=lambda: row))
    sink.close()

    assert written == [("sdesim/C", 0.25, 3), ("sdesim/n", 2, 3), "closed"]
