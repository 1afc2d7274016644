"""Figures and the self-contained HTML page of a run directory, and of a sweep's."""

from typing import Any

from sdesim.comparison.sweep_table import COLUMNS as COLUMNS
from sdesim.comparison.sweep_table import SweepTable as SweepTable
from sdesim.plots.arms import ArmView as ArmView
from sdesim.plots.arms import arm_views as arm_views
from sdesim.report.monitor_page import write_monitor_report as write_monitor_report
from sdesim.report.run_page import write_report as write_report
from sdesim.report.sweep_page import write_sweep_report as write_sweep_report

__all__ = [
    "COLUMNS",
    "ArmView",
    "SweepTable",
    "arm_views",
    "panel",
    "write_monitor_report",
    "write_report",
    "write_sweep_report",
]


def panel(history: Any) -> Any:
    """The matplotlib Figure of `sdesim.plots.monitor`; save it with ``figure.savefig(path)``."""
    from sdesim.plots.health_panel import monitor as draw

    return draw(history)[0].figure
