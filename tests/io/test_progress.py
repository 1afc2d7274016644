"""Progress goes to the caller's function, to a terminal, or nowhere."""

import io
import json
import os
import sys

import pytest

from sdesim.io import progress as shown_by
from sdesim.io.progress import labelled_progress, noted_progress, progress_report


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_caller_s_own_function_is_told_everything():
    told = []

    with labelled_progress(lambda *it: told.append(it)) as report:
        report("sde", 3, 10)
    with progress_report(lambda *it: told.append(it), "sde") as report:
        report(4, 10)

    assert told == [("sde", 3, 10), (4, 10)]


def test_without_a_terminal_nothing_is_written(monkeypatch):
    for stream, progress in ((io.StringIO(), True), (Terminal(), False)):
        monkeypatch.setattr(sys, "stderr", stream)

        with labelled_progress(progress) as report:
            report("sde", 3, 10)
        with progress_report(progress, "sde") as report:
            report(3, 10)

        assert stream.getvalue() == ""


def test_a_terminal_shows_a_bar_for_each_label(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())

    with labelled_progress(True, unit="probes") as report:
        for done in (1, 1_500):
            report("sde", done, 2_000)
        report("net", 7, 7)

    shown = sys.stderr.getvalue()
    assert "1,500/2,000 probes" in shown
    assert "7/7 probes" in shown


def test_one_label_is_shown_in_steps(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())

    with progress_report(True, "training") as report:
        report(40, 80)

    assert "training" in sys.stderr.getvalue()
    assert "40/80 steps" in sys.stderr.getvalue()


def test_a_file_says_how_far_each_label_has_come_and_goes_at_a_good_end(tmp_path):
    file, told = tmp_path / "progress.json", []

    with noted_progress(lambda *it: told.append(it), file, every=0.0) as report:
        assert json.loads(file.read_text())["labels"] == {}
        report("sde", 3, 10)
        report("sde", 7, 10)
        noted = json.loads(file.read_text())

    assert told == [("sde", 3, 10), ("sde", 7, 10)]
    assert noted["pid"] == os.getpid()
    sde = noted["labels"]["sde"]
    assert (sde["first"], sde["done"], sde["total"]) == (3, 7, 10)
    assert sde["begun"] <= sde["seen"]
    assert not file.exists()


def test_an_interruption_leaves_the_file(tmp_path):
    file = tmp_path / "progress.json"

    def interrupted():
        with noted_progress(lambda *it: None, file) as report:
            report("sde", 3, 10)
            report("sde", 4, 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    # The second came within a second.
    assert json.loads(file.read_text())["labels"]["sde"]["done"] == 3


def test_a_notebook_shows_bars_under_the_cell_and_takes_them_away():
    shown = []

    class Handle:
        def update(self, thing):
            shown.append((thing._repr_html_(), repr(thing)))

    def display(thing, display_id):
        assert display_id is True
        handle = Handle()
        handle.update(thing)
        return handle

    with shown_by._in_notebook(display, True, "steps") as report:
        report("a <b>", 0, 10)
        report("a <b>", 10, 10)

    (first, _), (last, text), gone = shown
    assert first == "<div>a &lt;b&gt; <progress value='0' max='10'></progress> 0/10 steps</div>"
    assert "value='10'" in last
    assert text.startswith("a <b>: 10/10 steps")
    assert gone == ("", "")


def test_without_a_kernel_nothing_is_asked_of_a_notebook():
    assert shown_by._notebook_display() is None
