"""From where a simulation goes on: the state in which another run ended, as the run holds it.

A continued run is the later part of the one that would have gone through: the same step numbers, times and
places of the generator, and the state of an interrupted simulation. What the saved points don't tell of that
state stands in the variables `final_velocity` and `final_noise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.io.places import Place
from sdesim.kinds import Misfit
from sdesim.runs import open_run
from sdesim.runs.attributes import mapped, rows
from sdesim.runs.schema import HALVED_STEPS

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan

Array = NDArray[np.float64]
FIELD = "continue_from"
# Of the ensemble's state, in its order.
_COUNTED = ("unsolved_steps", "explicit_overshoots")


@dataclass(frozen=True, eq=False)
class End:
    """The last state of a run.

    Attributes:
        step: how many steps it has made. dt, seed: of it.
        first: the number of its first trajectory.
        theta: (K, d), NaN where a trajectory blew up.
        status: (K,). attrs: of the run.
        values: other variables by their names.
    """

    step: int
    dt: float
    seed: int
    first: int
    theta: Array
    status: NDArray[np.int8]
    attrs: Mapping[str, Any]
    values: Mapping[str, NDArray[Any]]

    @property
    def starts(self) -> Array:
        """(K, d) with the state of a trajectory that goes on in the place of those that have ended."""
        running = np.flatnonzero(self.status == 0)
        return np.where(self.status[:, None] == 0, self.theta, self.theta[running[0]])

    @property
    def exit_times(self) -> Array | None:
        """(K, E): of the exits before the end; None without events."""
        found = self.values.get("exit_time")
        return None if found is None else np.asarray(found, dtype=np.float64)

    def state(self, plan: Plan) -> dict[str, NDArray[Any]]:
        """The arrays that `Ensemble.restore` takes up."""
        values, count = self.values, len(self.status)
        events = len(plan.exits)
        stopped = np.where(self.status == 0, plan.steps, values["stopped_step"])
        lived = np.maximum(np.where(self.status == 0, self.step, values["stopped_step"]), 1)
        times = np.full((count, events), np.nan) if self.exit_times is None else self.exit_times
        counted = _COUNTED if plan.tolerance is None else (*_COUNTED, *HALVED_STEPS)
        found: dict[str, NDArray[Any]] = {
            "x": self.theta.T,
            "held": self.theta.T,
            "v": values.get("final_velocity", np.zeros((count, 0))).T,
            "code": self.status,
            "stopped": stopped,
            # When it was stands in `exit_times`.
            "exits": np.where(np.isnan(times.T), -1, self.step),
            "shares": np.ones((events, count)),
            "sides": values.get("exit_wall", np.zeros((count, 0))).T,
            "states": np.moveaxis(values.get("exit_state", np.zeros((count, 0, plan.dim))), 0, -1),
            "occupancy": np.rint(values.get("occupancy", np.zeros((count, 0))) * lived[:, None]).T,
            "counts": np.stack([values.get(name, np.zeros(count)) for name in counted]),
        }
        memory, row = values.get("final_noise", np.zeros((count, 0))).T, 0
        for k, count in plan.noise_memory.items():
            found[f"noise{k}"] = memory[row : row + count]
            row += count
        return found


def end_of(source: xr.Dataset | str | Place) -> End:
    """The last state of a simulated run, of an `<arm>.zarr` or of a run directory with one arm.

    Raises:
        Misfit: it is no run that can be continued, and why.
    """
    run = open_run(source) if isinstance(source, str | Place) else source
    if not isinstance(run, xr.Dataset) or "kind" not in run.attrs:
        raise Misfit(FIELD, f"found {type(source).__name__}, allowed: a run of simulate, or its path")
    if run.attrs["kind"] != "simulated":
        raise Misfit(FIELD, "found a run of a training, allowed: a simulated one")
    if not run.attrs.get("complete", True):
        raise Misfit(FIELD, "found a run that was not finished: finish it with resume=True first")
    if len(set(rows(run.attrs, "seeds"))) > 1:
        raise Misfit(FIELD, "found runs of several seeds joined, allowed: of one seed")
    if run.attrs.get("refine", 1) != 1:
        raise Misfit(FIELD, f"found a run with refine={run.attrs['refine']}, allowed: one without")
    if "theta" not in run:
        raise Misfit(FIELD, "the run keeps no theta, from which to go on: simulate it with save=('theta', …)")
    numbers = run["trajectory"].values
    if not numbers.size or not np.array_equal(numbers, numbers[0] + np.arange(len(numbers))):
        raise Misfit(FIELD, "its trajectories are not numbered one after another")
    status, step = run["status"].values, int(run["step"].values[-1])
    if not (status == 0).any():
        raise Misfit(FIELD, "all its trajectories have ended: none goes on")
    if not (run["stopped_step"].values[status == 0] == step).all():
        raise Misfit(FIELD, "its last saved step is not its last, so that the state at its end is not known")
    names = (
        "stopped_step", "exit_time", "exit_wall", "exit_state", "occupancy", *_COUNTED, *HALVED_STEPS,
        "final_velocity", "final_noise",
    )  # fmt: skip
    return End(
        step, float(run.attrs["dt"]), int(run.attrs["seed"]), int(numbers[0]),
        np.array(run["theta"].isel(step=-1).values), status, dict(run.attrs),
        {name: run[name].values for name in names if name in run},
    )  # fmt: skip


def taken_over(
    end: End | None, *, theta0: Any, dt: float, seed: int | None, trajectories: int | None, first: int
) -> tuple[int, int, int]:  # fmt: skip
    """(seed, trajectories, first) of a simulation: as given, else of the run that it continues.

    Raises:
        Misfit: what is given is not what that run has.
    """
    if end is None:
        return 0 if seed is None else seed, 1 if trajectories is None else trajectories, first
    if theta0 is not None:
        raise Misfit("theta0", f"found one beside {FIELD}, allowed: none, it begins where that run ended")
    count = len(end.status)
    for name, given, held in (
        ("dt", dt, end.dt),
        ("seed", seed, end.seed),
        ("trajectories", trajectories, count),
        ("first", first or None, end.first),
    ):
        if given is not None and given != held:
            raise Misfit(name, f"found {given}, allowed: {held}, that of the run which is continued")
    return end.seed, count, end.first


def check_continued(plan: Plan) -> None:
    """That a plan is of a simulation that can go on from where its `End` is.

    Raises:
        Misfit: it has other parts, or the end does not tell all that is needed.
    """
    end = plan.end
    assert end is not None
    # By the attributes that say it.
    parts: dict[str, Any] = {
        "surface": type(plan.surface).__name__,
        "noise": [type(noise).__name__ for noise in plan.noises],
        "scheme": plan.scheme.name,
        "dtype": plan.dtype,
        "events": [event.name for event in plan.exits],
        "wells": list(plan.surface.wells) if plan.occupancy else [],
        "boundary": [repr(wall) for wall in plan.boundary],
        "tolerance": plan.tolerance,
        "smallest_dt": plan.smallest_dt,
    }
    for name, now in parts.items():
        was = rows(end.attrs, name) if isinstance(now, list) else end.attrs.get(name)
        if was != now:
            told = f"found {_short(now)}, allowed: {_short(was)}, as the run which is continued has it"
            raise Misfit(name if name != "wells" else "events", told)
    if plan.scheme.velocity and "final_velocity" not in end.values:
        raise Misfit(FIELD, f"the run keeps no velocities, from which scheme {plan.scheme.name} goes on")
    needed = sum(plan.noise_memory.values())
    if needed != end.values.get("final_noise", np.zeros((1, 0))).shape[1]:
        raise Misfit(FIELD, "the run keeps no state of its noise, from which that goes on")
    if plan.tangent:
        raise Misfit(("probes", "tangent"), f"found true, allowed: false with {FIELD}: no run keeps tangents")
    for k, kernel in enumerate(plan.noise_kernels):
        reach = None if kernel.ahead is None else kernel.ahead.reach(end.step)
        if reach is not None and plan.steps > reach:
            raise Misfit(
                FIELD,
                f"noise {k} is drawn for the whole path, in a run of {end.step} steps for {reach} of them: "
                f"{plan.steps} can't be reached from it, simulate them at once",
            )


def changed_parts(end: End, now: Mapping[str, str]) -> list[str]:
    """Which parts of a run that goes on are not as they were: `dynamics`, of both.

    Of runs that were stored without it nothing is known.
    """
    was = mapped(end.attrs, "dynamics")
    return [name for name, digest in now.items() if was and was.get(name) != digest]


def _short(value: Any) -> str:
    return (", ".join(value) or "none") if isinstance(value, list) else str(value)
