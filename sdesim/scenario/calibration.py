"""The calibration study as a function: each estimator on data with known answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdesim.io.progress import LabelledReport
from sdesim.shipped import study


def calibrate(
    estimator: str | Sequence[str] = "all",
    quick: bool = False,
    seed: int = 0,
    replications: int | None = None,
    out: str | Path | None = None,
    processes: int = 1,
    progress: bool | LabelledReport = False,
) -> Any:
    """Hold estimators against known answers: bias, spread, coverage of the intervals, false-alarm rates.

    Args:
        estimator: a name in ``sdesim.estimators``, several, or "all".
        quick: an eighth of the replications, without the largest sample sizes and the slowest methods.
        seed: of all random numbers; each replication draws from (seed, data, size, replication) alone, so
            the result depends neither on what else is run nor on `processes`.
        replications: of every case, in place of its own number.
        out: folder for table.md, calibration.json and the figures; None writes nothing.
        processes: how many share the work; more than one needs a script that may be imported.
        progress: bars on a terminal, or a function (estimator, done, total).

    Returns:
        An object with `rows` (one for each case and size, with bias, spread, coverage, events), `holds`
        (whether every promise is kept), `misses` (which not, in words), `table()` (Markdown),
        `summary()` and `to_dict()`.

    Raises:
        SdesimError: an estimator without a case, replications < 2, processes < 1.
        RunError: the results can't be written.
    """
    return study("calibration").calibrate(estimator, quick, seed, replications, out, processes, progress)
