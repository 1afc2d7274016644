"""Progress goes to the caller's function, to a terminal, or nowhere."""

import io
import sys

from sdesim.io.progress import labelled_progress, progress_report


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
