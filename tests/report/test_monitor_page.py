"""The page of a monitored training."""

import pytest
import torch

from sdesim.errors import RunError
from sdesim.report import write_monitor_report
from sdesim.report.monitor_page import monitor_headline
from sdesim.training import Monitor, advice_lines, advise
from tests.training.monitor.watched import LOSS, train


def test_the_page_begins_with_what_to_change_and_holds_the_panel(tmp_path):
    _, monitor = watched()
    page = write_monitor_report(monitor, tmp_path / "watched").read_text(encoding="utf-8")
    told = monitor_headline(monitor)
    first, second = advice_lines(monitor)

    assert told.sentence.lower() == f"{first}.".lower()
    assert told.evidence[0].lower() == f"{second}.".lower()
    # What its interval does not support is not told.
    sure = advise(monitor.history[-1]).confidence >= 0.95
    assert any("decision table" in text.lower() for text in told.evidence) == sure
    assert f"<h1>{told.sentence[:20]}" in page
    assert page.index("<h3>Health</h3>") < page.index("Further figures</h2>")
    assert "sdesim run" not in page
    assert (tmp_path / "watched" / "figures" / "health.csv").stat().st_size > 100


def watched():
    return train("plain", lambda p: torch.optim.SGD(p, lr=0.1), True, every=10)


def test_without_a_measurement_there_is_no_page(tmp_path):
    net = torch.nn.Linear(6, 2)
    x, y = torch.zeros(8, 6), torch.zeros(8, dtype=torch.long)
    monitor = Monitor(net, LOSS, (x, y), learning_rate=0.1, batch_size=4)

    with pytest.raises(RunError, match="no measurements yet"):
        write_monitor_report(monitor, tmp_path)
