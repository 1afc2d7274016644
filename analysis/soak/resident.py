"""One process that stays and simulates, estimates, opens and reports over and over; its memory is looked at.

Every round asks for the same, so that every round has to give the same bits.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def rounds(run: Path, end: float, notes: Path) -> None:
    """Until that moment of the monotonic clock; a line of JSON for each round.

    Args:
        run: a finished run directory, which is opened and reported on. end: the moment. notes: the file.
    """
    first: dict[str, str] = {}
    while time.monotonic() < end:
        found = {name: hashlib.sha256(work(run)).hexdigest() for name, work in _WORKS.items()}
        first = first or found
        apart = [name for name in found if found[name] != first[name]]
        with notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"works": len(found), "differ": apart}) + "\n")


def _simulated(run: Path) -> bytes:
    import sdesim
    from sdesim import noise, surfaces

    found = sdesim.simulate(
        surfaces.DoubleWell(), noise.Stable(1.5, 0.1), dt=0.01, steps=2000, trajectories=64,
        save_every=20, seed=11, progress=False,
    )  # fmt: skip
    return bytes(found["theta"].values.tobytes())


def _estimated(run: Path) -> bytes:
    from sdesim import estimators, stable

    draws = np.random.default_rng(5).standard_t(2.0, size=(2000, 5))
    found: list[Any] = [
        estimators.consolidation_ratio(draws), estimators.tail_index(draws[:, 0]), stable.fit(draws[:500, 1]),
    ]  # fmt: skip
    return repr(found).encode()


def _opened(run: Path) -> bytes:
    from sdesim.runs.store import open_runs

    arms = open_runs(run)
    return b"".join(arms[name]["theta"].values.tobytes() for name in sorted(arms))


def _reported(run: Path) -> bytes:
    from sdesim.report import write_report

    write_report(run)
    return b"written" if (run / "report.html").stat().st_size > 10_000 else b"empty"


_WORKS: dict[str, Callable[[Path], bytes]] = {
    "simulated": _simulated, "estimated": _estimated, "opened": _opened, "reported": _reported,
}  # fmt: skip
