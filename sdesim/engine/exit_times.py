"""What a run's exit times tell, those that it did not see among them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from sdesim.errors import RunError
from sdesim.estimators.dynamics.survival import SurvivalStatistics, survival_statistics
from sdesim.kinds.border import refusing
from sdesim.kinds.spelling import short
from sdesim.runs.attributes import event_flags
from sdesim.runs.saved import end_time
from sdesim.runs.schema import check_run


@refusing(RunError)
def exit_statistics(
    run: xr.Dataset, event: int | str = 0, level: float = 0.95, band: str = "log-log"
) -> SurvivalStatistics:
    """Mean, median and rate of the times of first exit, and the share still inside at each time.

    A trajectory that had not left when it was last watched counts as one that stays longer: see
    `sdesim.estimators.survival_statistics` for the estimators, their intervals and their flags.

    Args:
        run: of `sdesim.simulate(events=[Exit(…)])`.
        event: number of the event, or its name in ``run["event"]``.
        level: of all intervals. band: of the survival, as of `survival_statistics`.

    Returns:
        mean, median, rate (Estimates) and survival (times, share, low, high). Beside their own flags, each
        has `diverged` where trajectories blew up: they were watched until then, though what blows up was
        often about to leave; `explicit_overshoot` where explicit steps threw trajectories across, which may
        be how they left; `unsolved` where an implicit step of theirs was not solved; `stopped_by_another`
        where another event ended the watch, so that the two must be independent; and `exit_coarse` or
        `exit_discrete` where the times themselves are off (see `events.Exit`).

    Raises:
        RunError: the run has no exits, or no such event.
    """
    check_run(run)
    if "exit_time" not in run:
        raise RunError("the run watched no exits: simulate with events=[sdesim.events.Exit(…)]")
    names = [str(name) for name in run["event"].values]
    at = names.index(event) if isinstance(event, str) and event in names else event
    if not isinstance(at, int | np.integer) or not 0 <= at < len(names):
        raise RunError(f"event: found {short(event)}, allowed: 0 to {len(names) - 1}, or {', '.join(names)}")
    times = np.asarray(run["exit_time"].values[:, int(at)], dtype=np.float64)
    left = ~np.isnan(times)
    status = np.asarray(run["status"].values)
    # The watch of a trajectory ends with it; those that run on are watched to the end.
    stopped = np.asarray(run["stopped_step"].values) * float(run.attrs["dt"])
    watched = np.where(status == 0, end_time(run), stopped)
    found = survival_statistics(np.where(left, times, watched), left, level, band)
    known = event_flags(run.attrs)
    flags = known[int(at)] if int(at) < len(known) else []
    flags += ["diverged"] if (~left & (status == 1)).any() else []
    thrown = "explicit_overshoots" in run and bool((run["explicit_overshoots"].values > 0).any())
    flags += ["explicit_overshoot"] if thrown else []
    flags += ["unsolved"] if (~left & (status == 3)).any() else []
    flags += ["stopped_by_another"] if (~left & (status == 2)).any() else []
    if not flags:
        return found
    mean, median, rate = (
        replace(e, flags=(*e.flags, *flags)) for e in (found.mean, found.median, found.rate)
    )
    return SurvivalStatistics(mean, median, rate, found.survival)
