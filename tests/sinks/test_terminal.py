"""Measurements as a live table."""

from __future__ import annotations

import io

from rich.console import Console

from sdesim.kinds import read
from sdesim.sinks.terminal import TerminalSink, readings, trend
from tests.sinks.rows import measured


def of(step, **given):
    return measured(step, batch_size=128, C_1=(1 / 41, 1 / 52, 1 / 33), **given)


def test_a_terminal_shows_what_to_change_above_the_readings(tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    sink = TerminalSink(1e-9, console)
    for step in (1, 2, 3):
        sink.write(of(step, flags=("clipped",)))
    sink.close()
    sink.write(of(4))
    sink.close()

    shown = console.file.getvalue()
    assert "step 3" in shown
    assert "step 4" in shown
    assert "Batch size could be halved: B_crit = 41 [33, 52], you use 128" in shown
    assert "Flagged: clipped" in shown


def test_without_a_terminal_there_is_a_line_now_and_then_and_one_at_the_end():
    console = Console(file=io.StringIO(), width=80)
    sink = TerminalSink(console=console)
    for step in (1, 2, 3):
        sink.write(of(step))
    sink.close()

    lines = console.file.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["step 1", "step 3"]
    assert "signal to noise C 0.5 [0.25, 1]" in lines[0]


def test_readings_are_the_newest_value_of_each_quantity_and_layer():
    rows = [of(1, phase="generalization").row(), of(2, loss=0.25, groups={"head": 0.5}).row()]
    rows[1]["C_alpha"] = None

    found = {name: value for name, value, _ in readings(rows)}
    assert found["training loss"] == "0.25"
    assert found["signal to noise C"] == "0.5 [0.25, 1]"
    assert found["C of head"] == "0.5"
    rows[1] |= {"critical_batch": float("nan"), "critical_batch_low": 130.0}
    assert {n: v for n, v, _ in readings(rows)}["critical batch"] == "above 130"
    # The phase is that of now, and there is none.
    assert "phase" not in found
    assert {n: v for n, v, _ in readings(rows[:1])}["phase"] == "loss falls per step"


def test_a_trend_runs_from_the_smallest_to_the_largest_value():
    assert trend([0, 7, 3.5]) == "▁█▅"
    # Each twenty-fold more: equal steps of a logarithm.
    assert trend([1, 20, 400]) == "▁▅█"
    assert trend([1, 1, 1]) == trend([1, 2]) == ""


def test_the_recipe_is_a_kind():
    assert isinstance(read("sinks", {"kind": "terminal", "every": 2}).open(), TerminalSink)
