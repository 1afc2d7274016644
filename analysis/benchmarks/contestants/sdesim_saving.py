"""sdesim with and without saved points, in memory and streamed to Zarr; and the memory that this takes."""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from sdesim_loop import build
from serve import Run, serve, start

from sdesim import simulate

_folders: list[Path] = []


def make(problem: dict[str, Any]) -> Run:
    """Variant "memory" or "zarr"; ``stride`` is the number of steps between saved points, 0 for the ends."""
    surface, driving = build(problem)

    def run(steps: int) -> None:
        _folders.append(folder := Path(tempfile.mkdtemp()))
        simulate(
            surface,
            driving,
            start(problem),
            dt=problem["dt"],
            steps=steps,
            trajectories=problem["trajectories"],
            seed=problem["seed"],
            save_every=problem["stride"] or steps,
            out=folder / "run.zarr" if problem["variant"] == "zarr" else None,
            threads=1,
            progress=False,
        )

    return run


def after(problem: dict[str, Any]) -> dict[str, Any]:
    """The largest resident size of this process so far, in MB, for `costs.memory`.

    What was saved is removed here: saving is what is timed, not removing.
    """
    while _folders:
        shutil.rmtree(_folders.pop())
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_mb": size / (1e6 if sys.platform == "darwin" else 1e3)}


if __name__ == "__main__":
    serve(make, extra=after)
