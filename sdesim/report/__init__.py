"""Figures and the self-contained HTML page of a run directory."""

from sdesim.report.arms import ArmView as ArmView
from sdesim.report.arms import arm_views as arm_views
from sdesim.report.html import write_report as write_report

__all__ = ["ArmView", "arm_views", "write_report"]
