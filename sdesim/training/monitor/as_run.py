"""What a monitor has read, as a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from sdesim.runs import RunWriter
from sdesim.runs.schema import (
    AGREEMENT_PROBE,
    CAPPED_PROBE,
    CURVATURE_PROBE,
    EVERY_PROBE,
    EXACT_CURVATURE_PROBE,
    EXACT_GROUP_PROBE,
    EXACT_PROBE,
    EXACT_STEP_PROBE,
    GRADIENT_PROBE,
    GROUP_PROBE,
    HELDOUT_PROBE,
    METRIC_PROBE,
    PROGRESS_PROBE,
    SPREAD_PROBE,
    STEP_PROBE,
    SUBSAMPLED_PROBE,
    SUCCESSIVE_PROBE,
    VIRTUAL_PROBE,
)

_PROBED = (
    *EVERY_PROBE, *GRADIENT_PROBE, *GROUP_PROBE, *CURVATURE_PROBE, *METRIC_PROBE, *SUBSAMPLED_PROBE,
    *EXACT_PROBE, *EXACT_GROUP_PROBE, *EXACT_CURVATURE_PROBE, *EXACT_STEP_PROBE,
    *STEP_PROBE, *PROGRESS_PROBE, *HELDOUT_PROBE, *VIRTUAL_PROBE, *AGREEMENT_PROBE,
    *SPREAD_PROBE, *CAPPED_PROBE, *SUCCESSIVE_PROBE,
)  # fmt: skip
_OVER_STEPS = ("loss", "weight_norm")


def as_run(
    probes: Sequence[dict[str, Any]], attributes: dict[str, Any], *, samples: int, directions: NDArray[Any],
    groups: tuple[str, ...], per_step: float, out: str | Path | None = None,
) -> xr.Dataset:  # fmt: skip
    """One trajectory with these probes, of which each may lack what it could not read.

    Args:
        probes: values by schema name, with step and time.
        attributes: of the run.
        samples: gradients drawn for one probe. directions: (k, d), projected on. groups: their names.
        per_step: epochs to a step.
        out: where it is written; None: kept in memory.

    Raises:
        RunError: ``out`` can't be written.
    """
    held = {name for values in probes for name in values}
    names = [name for name in _PROBED if name in held]
    over_steps = [name for name in _OVER_STEPS if name in held]
    steps, times = [v["step"] for v in probes], [v["time"] for v in probes]
    writer = RunWriter(
        kind="real", trajectories=1, steps=steps, time=times, dim=directions.shape[1],
        variables=[*over_steps, *names], probe_steps=steps, probe_time=times, samples=samples,
        directions=len(directions), groups=groups, attrs=attributes, out=out,
        epoch=[step * per_step for step in steps],
    )  # fmt: skip
    for k, values in enumerate(probes):
        for over in over_steps:
            writer.write(over, values.get(over, math.nan), trajectory=0, step=k)
        for name in names:
            if name in values:
                writer.write(name, values[name], trajectory=0, probe=k)
    return writer.finish()
