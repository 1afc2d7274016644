"""What a run refuses at its start: files of data, stored runs, readings, and functions of others.

Nothing is written or trained. Files are read, and functions of others are compiled and called. What is large
to import is imported only where something is to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sdesim.errors import ScenarioError, SdesimError
from sdesim.kinds.misfit import Misfit, Path, Problem, path_text
from sdesim.kinds.registry import origin_is_foreign
from sdesim.kinds.trust import failed_in
from sdesim.scenario.models import Arm, Scenario, Simulate


class RefusedStart(ScenarioError):
    """What was found at the start of a scenario whose file is gone.

    Attributes:
        problems: (path, message) of each.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{path_text(path)}: {text}" for path, text in problems))

    def __reduce__(self) -> tuple[type[RefusedStart], tuple[list[Problem]]]:
        return type(self), (self.problems,)


def start_problems(scenario: Scenario, drawn: bool = True) -> list[Problem]:
    """What is wrong with the parts of a scenario that has been checked, as (path, message).

    Args:
        drawn: make examples of every sort, as a run needs them; else those only that files or code of others
            make, in which something may be wrong.
    """
    found: list[Problem] = []
    for name, arm in scenario.arms.items():
        side = ("arms", name, "train" if arm.simulate is None else "simulate")
        wrong = list(_data(arm, side, drawn))
        if arm.simulate is not None:
            wrong += _refused(_functions, side, scenario, arm.simulate)
            wrong += _refused(_going_on, side, scenario, name, arm)
        if not wrong and (drawn or _asks_much(scenario, arm)):
            wrong += _refused(_readings, ("arms", name), scenario, name, arm)
        found += wrong
    return found


def _asks_much(scenario: Scenario, arm: Arm) -> bool:
    """Whether readings are asked for that not every noise and network allows."""
    probes = arm.probes or scenario.probes
    return probes is not None and (
        probes.exact is True or probes.precision is not None or probes.budget is not None
    )


def _readings(scenario: Scenario, name: str, arm: Arm) -> None:
    from sdesim.scenario.checks.readings import check_readings

    check_readings(scenario, name, arm)


def _going_on(scenario: Scenario, name: str, arm: Arm) -> None:
    if arm.simulate is None or arm.simulate.continue_from is None:
        return
    from sdesim.scenario.assemble import probes_of
    from sdesim.scenario.continuing import check_parts

    check_parts(arm.simulate, name, probes_of(scenario, arm))


def _refused(check: Callable[..., None], place: Path, *given: Any) -> list[Problem]:
    """What a check of a part raises, with its place."""
    try:
        with _placed(*place):
            check(*given)
    except Misfit as error:
        return error.problems
    return []


@contextmanager
def _placed(*place: str | int) -> Iterator[None]:
    """Tell what is raised, by code of others too, with its place.

    Raises:
        Misfit: it was.
    """
    try:
        yield
    except Misfit as error:
        raise Misfit(((*place, *path), text) for path, text in error.problems) from None
    except SdesimError as error:
        raise Misfit(place, str(error)) from None
    except Exception as error:
        if text := failed_in(error):
            raise Misfit(place, text) from None
        raise


def _data(arm: Arm, side: Path, drawn: bool) -> Iterator[Problem]:
    """Load the examples of an arm, which its recipe keeps: what is wrong in a file shows only then."""
    holder, at = (arm.train, side) if arm.simulate is None else (arm.simulate.surface, (*side, "surface"))
    data: Any = getattr(holder, "data", None)
    if hasattr(data, "load") and (drawn or data.digest() or origin_is_foreign(type(data))):
        yield from _refused(lambda: data.load(), (*at, "data"))


def _functions(scenario: Scenario, simulate: Simulate) -> None:
    """Hold derivatives of others against differences, and call all functions of others, as the engine does
    before the first step.

    Raises:
        SdesimError: one can't be relied on.
    """
    from sdesim.scenario.foreign import has_foreign

    if not has_foreign(simulate):
        return
    from sdesim.engine.fitting import first_start
    from sdesim.engine.kernel_check import check_functions
    from sdesim.engine.plan import make_plan
    from sdesim.engine.surface_check import check_surface
    from sdesim.noise.base import Context
    from sdesim.noise.following import resolved
    from sdesim.schedules import at
    from sdesim.surfaces import Flat

    surface, scheme, given = simulate.equation, simulate.scheme, simulate.learning_rate
    numbers = list(range(len(simulate.noise)))
    if surface is None:
        # What the real arm is driven by is known only when it has ended: a noise that needs more of it than a
        # size is left out, and the others are tried on a flat surface.
        real = scenario.arms[str(simulate.twin_of)].train
        assert real is not None
        surface, scheme, given = Flat(real.dim), "auto", given or real.optimizer.lr
        numbers = [k for k in numbers if not {"batch_size", "surface"} & set(simulate.noise[k].needs)]
    eta = float(at(given, 0.0) or simulate.dt or 1.0)
    dt = simulate.dt or eta
    start = first_start(surface, simulate.theta0)
    # The engine takes an equation for a surface.
    names = {"surface": "surface" if simulate.sde is None else "sde"}
    with _placed(names["surface"]):
        check_surface(surface, start)
    context = Context(surface.dim, eta, surface, 0, 1.0)
    noises = []
    for k in numbers:
        with _placed("noise", k):
            noises.append(resolved(simulate.noise[k], context, given or dt))
            noises[-1].kernel(surface.dim, dt, eta)
    # What would be walked, but for one trajectory and one step: as small as that.
    plan = make_plan(
        surface, noises, theta0=start, dt=dt, steps=1, trajectories=1, seed=0,
        learning_rate=simulate.learning_rate, scheme=scheme, save_every=None, save=(),
        events=simulate.events, probes=None, dtype=simulate.dtype, boundary=simulate.boundary,
    )  # fmt: skip
    try:
        check_functions(plan)
    except Misfit as error:
        raise Misfit((_found(path, names, numbers), text) for path, text in error.problems) from None


def _found(path: Path, names: dict[str, str], numbers: list[int]) -> Path:
    """A place in the engine's arguments as one in `simulate`."""
    first, *rest = path
    if first == "noise" and rest:
        return (first, numbers[int(rest[0])])
    return (names.get(str(first), first), *rest)
