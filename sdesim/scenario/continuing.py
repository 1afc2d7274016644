"""Simulated arms that go on from where a stored run ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdesim.errors import SdesimError
from sdesim.io.places import Place, place
from sdesim.kinds import Misfit

if TYPE_CHECKING:
    from sdesim.kinds.misfit import Problem
    from sdesim.scenario.models import Simulate


def run_of(path: str, arm: str) -> Place:
    """Where the run lies that an arm goes on from: of a run directory the one of the arm's name."""
    whole = place(path)
    own = whole / f"{arm}.zarr"
    return own if own.exists() else whole


def begin_of(simulate: Simulate, arm: str) -> int:
    """The step from which an arm goes on; 0 where it does not, or can't."""
    if simulate.continue_from is None:
        return 0
    from sdesim.engine.continuation import end_of

    try:
        return end_of(run_of(simulate.continue_from, arm)).step
    except SdesimError:
        return 0


def check_continuing(simulate: Simulate, arm: str) -> Iterator[Problem]:
    """What keeps an arm from going on, each with its place inside `simulate`."""
    if simulate.continue_from is None:
        return
    from sdesim.engine.continuation import end_of, taken_over

    assert simulate.dt is not None
    try:
        end = end_of(run_of(simulate.continue_from, arm))
        taken_over(
            end, theta0=simulate.theta0, dt=simulate.dt, seed=None, trajectories=simulate.trajectories,
            first=simulate.first,
        )  # fmt: skip
    except Misfit as error:
        yield from error.problems
    except SdesimError as error:
        yield ("continue_from",), str(error)


def check_parts(simulate: Simulate, arm: str, probes: Any) -> None:
    """That an arm's parts are those of the run that it goes on from.

    Raises:
        SdesimError: naming the field.
    """
    if simulate.continue_from is None:
        return
    from sdesim.engine.continuation import check_continued, end_of
    from sdesim.engine.plan import make_plan

    end = end_of(run_of(simulate.continue_from, arm))
    assert simulate.dt is not None
    check_continued(
        make_plan(
            simulate.equation,
            simulate.noise,
            theta0=None,
            dt=simulate.dt,
            steps=simulate.steps,
            trajectories=len(end.status),
            seed=end.seed,
            learning_rate=simulate.learning_rate,
            scheme=simulate.scheme,
            save_every=simulate.save_every,
            T=simulate.T,
            save_at=simulate.save_at,
            save=simulate.save,
            observe=simulate.observe,
            events=simulate.events,
            probes=probes,
            dtype=simulate.dtype,
            boundary=simulate.boundary,
            first=end.first,
            end=end,
        )
    )  # fmt: skip
