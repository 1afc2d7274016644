"""Scenario files: models, loading with line numbers, running, expectations, sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdesim.lazy import lazy_names

if TYPE_CHECKING:
    from sdesim.scenario.calibration import calibrate as calibrate
    from sdesim.scenario.load import find_scenario as find_scenario
    from sdesim.scenario.load import load_scenario as load_scenario
    from sdesim.scenario.load import parse_scenario as parse_scenario
    from sdesim.scenario.load import shipped_scenarios as shipped_scenarios
    from sdesim.scenario.load import validate_scenario as validate_scenario
    from sdesim.scenario.models import Scenario as Scenario
    from sdesim.scenario.rerunning import check_again as check_again
    from sdesim.scenario.rerunning import rerun as rerun
    from sdesim.scenario.resuming import resume as resume
    from sdesim.scenario.run import resolved_yaml as resolved_yaml
    from sdesim.scenario.run import run_scenario as run_scenario
    from sdesim.scenario.run_folder import check_room as check_room
    from sdesim.scenario.sweep.points import load_sweep as load_sweep
    from sdesim.scenario.sweep.points import parse_sweep as parse_sweep
    from sdesim.scenario.sweep.run import run_sweep as run_sweep

_HOMES = {
    "calibrate": "calibration",
    "find_scenario": "load",
    "load_scenario": "load",
    "parse_scenario": "load",
    "shipped_scenarios": "load",
    "validate_scenario": "load",
    "Scenario": "models",
    "check_again": "rerunning",
    "rerun": "rerunning",
    "resume": "resuming",
    "check_room": "run_folder",
    "resolved_yaml": "run",
    "run_scenario": "run",
    "load_sweep": "sweep.points",
    "parse_sweep": "sweep.points",
    "run_sweep": "sweep.run",
}
__all__ = list(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
