"""What drives the simulated arms of a scenario, for figures that draw it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sdesim.errors import SdesimError
from sdesim.plots.grounded import Ground
from sdesim.scenario.load import load_scenario
from sdesim.scenario.models import Scenario


def grounds(scenario: Scenario) -> dict[str, Ground]:
    """Surface and constant diffusion of each simulated arm that has a surface of its own."""
    return dict(_grounds(scenario))


def grounds_of(folder: str | Path) -> dict[str, Ground]:
    """The same of a run's directory; empty where its scenario can't be read any more."""
    try:
        return grounds(load_scenario(Path(folder) / "scenario.yaml"))
    except (SdesimError, OSError):
        return {}


def _grounds(scenario: Scenario) -> Iterator[tuple[str, Ground]]:
    for name, arm in scenario.arms.items():
        simulate = arm.simulate
        if simulate is not None and simulate.surface is not None:
            parts = [getattr(n, "constant_diffusion", None) for n in simulate.noise]
            known = [d for d in parts if d is not None]
            whole = sum(known) if known and len(known) == len(parts) else None
            yield name, Ground(simulate.surface, whole)
