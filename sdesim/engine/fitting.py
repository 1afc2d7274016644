"""Whether surface, noises, scheme, events, probes and numbers fit one another, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.sources import is_own
from sdesim.engine import halving, precision
from sdesim.engine.events import overshoot
from sdesim.engine.observables.base import unreliable
from sdesim.engine.reductions import collected
from sdesim.engine.reductions.base import Setting
from sdesim.engine.schemes import SCHEMES, Scheme, as_scheme, misfits
from sdesim.engine.schemes.base import COMMUTING, FACTOR, GAUSSIAN, own_sort
from sdesim.engine.walls.base import clashes
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.spelling import short
from sdesim.noise.base import Context
from sdesim.runs.schema import VARIABLES
from sdesim.schedules import at, moves

if TYPE_CHECKING:
    from sdesim.engine.events import Event
    from sdesim.noise import Noise
    from sdesim.runs import Probes
    from sdesim.surfaces.base import Surface

Problem = tuple[tuple[str | int, ...], str]
# The generator's stream numbers.
STREAMS = 256
# A trial of increments draws thousands, of this many coordinates at most.
_TRIAL_COORDINATES = 1000


@dataclass(frozen=True)
class Real:
    """What a simulated arm takes from the real arm that it imitates.

    Attributes:
        name: of the real arm.
        learning_rate: η. batch_size: B; None for full batch. trajectories: K.
        sampling: how it draws its batches, "epoch" or otherwise.
        own_starts: whether every trajectory starts at a point of its own, so that there are no more than K.
        gradient_probes: whether its gradients are probed.
        obstacles: why it can't be imitated, one line each.
        steps: words for the steps that its twin makes where these are its own; empty where a scheme's are.
    """

    name: str
    learning_rate: float
    batch_size: int | None = None
    trajectories: int = 1
    sampling: str = ""
    own_starts: bool = False
    gradient_probes: bool = False
    obstacles: tuple[str, ...] = ()
    steps: str = ""


def check_fit(
    surface: Surface | None,
    noises: Sequence[Noise] = (),
    scheme: str | Mapping[str, Any] | Scheme = "euler-maruyama",
    *,
    dim: int | None = None,
    examples: int | None = None,
    dt: float | None = None,
    learning_rate: Any = None,
    events: Sequence[Event] = (),
    probes: Probes | None = None,
    theta0: Any = None,
    trajectories: int | None = None,
    steps: int | None = None,
    real: Real | None = None,
    trial: bool = True,
    dtype: str = "float64",
    boundary: Sequence[Any] = (),
    observe: Mapping[str, Any] | None = None,
    begun: bool = False,
    reduce: Sequence[Any] = (),
    saved: NDArray[np.int64] | None = None,
    tolerance: float | None = None,
    smallest_dt: float | None = None,
) -> Iterator[Problem]:
    """Everything that can go wrong between the parts of one simulation.

    Only cheap attributes are read (dim, wells, examples, sort, …): no kernel is built and no data are loaded,
    but for the trial of a noise that says that it needs one.

    Args:
        surface: None where it is known only after the real arm has run; ``dim`` and ``examples`` then stand
            for it.
        noises, scheme, events, probes, boundary: as in `simulate`; noises that wait for a real arm's values
            too.
        dim: d, where there is no surface. examples: n, where there is no surface.
        dt, learning_rate, theta0, trajectories, steps: as in `simulate`; None for what a real arm gives.
        real: the real arm, if there is one.
        trial: whether a noise whose increments may be refused at this dt is tried.
        dtype: of the state. reduce: as in `simulate`. saved: saved step numbers.
        observe: observables by name.
        begun: whether trajectories go on from where others ended: they may be outside of what is watched.
        tolerance, smallest_dt: of steps that are halved.

    Yields:
        (path, message), the path inside the arguments of `simulate`: ("noise", 0, "batch_size"), ("dt",), …
    """
    try:
        size = int(surface.dim) if surface is not None else int(dim or 0)
        count = int(getattr(surface, "examples", 0) if surface is not None else examples or 0)
    except SdesimError as error:
        yield from _located(("surface",), error)
        return
    for line in () if real is None else real.obstacles:
        yield ("twin_of",), line
    if wrong := [k for k, noise in enumerate(noises) if lacks(noise, "gradient_noise")]:
        rule = "allowed: a noise of sdesim.noise, or a subclass of its Base"
        yield from ((("noise", k), f"found {called(noises[k])}, {rule}") for k in wrong)
        return
    end = None if dt is None or steps is None else dt * steps
    yield from _learning_rate(learning_rate, noises, end)
    if end is not None and surface is not None and hasattr(surface, "problems_until"):
        yield from ((("surface", field), text) for field, text in surface.problems_until(end))
    eta = at(learning_rate, 0.0) or (real.learning_rate if real is not None else dt)
    batch_size = 0 if real is None else real.batch_size or 0
    sampling = "" if real is None else real.sampling
    context = Context(size, eta or 1.0, surface, batch_size, sampling=sampling)
    for k, noise in enumerate(noises):
        for place, text in _noise(noise, context, count, dt, real, trial):
            yield ("noise", k, *place), text
        if end is not None and hasattr(noise, "problems_until"):
            yield from ((("noise", k, field), text) for field, text in noise.problems_until(end))
    try:
        asked = as_scheme(scheme)
    except Misfit as error:
        yield from error.problems
        return
    chosen = asked.resolved(surface, noises) if hasattr(asked, "resolved") else asked
    if getattr(chosen, "steps_by_learning_rate", False) and moves(learning_rate):
        yield ("learning_rate",), f"found a schedule, allowed: a number with scheme {chosen.name!r}"
    yield from _scheme(chosen, noises, dt, eta, probes)
    own = real.steps if real is not None else chosen.name if getattr(chosen, "walks", False) else ""
    if own:
        within = {"events": events, "boundary": boundary, "reduce": reduce, "tolerance": tolerance}
        yield from _walked(own, within, probes)
    yield from _equation(surface, chosen, noises, probes)
    yield from halving.misfits(
        tolerance, smallest_dt, dt, steps, surface, chosen, dtype, [*events, *boundary], probes
    )
    tangent = probes is not None and probes.tangent
    lines = list(precision.misfits(dtype, surface, chosen, noises, tangent))
    yield from ((("dtype",), line) for line in lines)
    starts = list(_starts(theta0, size, trajectories))
    yield from starts
    if dtype == "float32" and surface is not None and dt is not None and not lines and not starts:
        yield from _lost_noise(noises, context, first_start(surface, theta0), dt)
    if real is not None and real.own_starts and (trajectories or 0) > real.trajectories:
        allowed = f"1 to {real.trajectories}, those of {real.name}"
        yield ("trajectories",), f"found {trajectories}, allowed: {allowed}"
    known = None if begun or not (events or boundary) else _known(surface, size, theta0)
    yield from _events(events, surface, size, known)
    yield from _walls(boundary, size, known, tangent)
    plain = dtype == "float64" and not boundary and not tangent
    yield from _overshoot(events, noises, context, chosen, surface, plain)
    if observe:
        yield from unobservable(observe, surface, size, None if starts else _known(surface, size, theta0))
    yield from _reductions(
        reduce, Setting(size, trajectories, saved, steps), {**VARIABLES, **(observe or {})}
    )


def _walked(
    steps: str, within: Mapping[str, Any], probes: Probes | None
) -> Iterator[Problem]:  # fmt: skip
    """What does not go with steps that no compiled kernel makes: nothing watches them but at their ends."""
    for name, given in within.items():
        if given is not None and given != () and given != []:
            yield (
                (name,),
                f"found some, allowed: none with steps of {steps}, which no kernel of its own watches",
            )
    if probes is not None and probes.tangent:
        yield ("probes", "tangent"), f"found true, allowed: false with steps of {steps}"


def _reductions(
    reductions: Sequence[Any], setting: Setting, known: Mapping[str, Any]
) -> Iterator[Problem]:  # fmt: skip
    if wrong := [k for k, reduction in enumerate(reductions) if lacks(reduction, "settle")]:
        rule = "allowed: a reduction of sdesim.reductions, or a subclass of its Base"
        yield from ((("reduce", k), f"found {called(reductions[k])}, {rule}") for k in wrong)
        return
    yield from ((("reduce", *at), text) for at, text in collected.problems(reductions, setting, known))


def unobservable(
    observe: Mapping[str, Any], surface: Any, dim: int, starts: NDArray[np.float64] | None
) -> Iterator[Problem]:
    """Observables that don't suit a surface of d coordinates, or starts (k, d) as far as they are known."""
    for name, observable in observe.items():
        wrong = list(observable.misfits(surface, dim, starts))
        yield from ((("observe", name, *at), text) for at, text in wrong)
        if wrong or surface is None or starts is None or is_own(type(observable).__module__):
            continue
        if (told := unreliable(observable, surface, starts[:1])) is not None:
            yield ("observe", name), told


def _learning_rate(rate: Any, noises: Sequence[Any], end: float | None) -> Iterator[Problem]:
    """What a learning rate that changes in time does not go with."""
    if not moves(rate):
        return
    found = None if end is None else rate.problem(end, 0.0)
    if found is not None:
        yield ("learning_rate",), found
    for k, noise in enumerate(noises):
        if (
            "learning_rate" in getattr(noise, "needs", ())
            and getattr(noise, "learning_rate_power", 0) is None
        ):
            yield ("noise", k), "found a noise that no schedule of the learning rate can scale"


def lacks(part: Any, member: str) -> bool:
    """Whether it is none of the objects that have a member: a class is not one either."""
    return isinstance(part, type) or not hasattr(part, member)


def called(part: Any) -> str:
    """What a message calls a part that is none."""
    return f"the class {part.__name__}" if isinstance(part, type) else type(part).__name__


def excluded(
    events: Sequence[Any], walls: Sequence[Any], starts: NDArray[np.float64]
) -> Iterator[Problem]:  # fmt: skip
    """That no start (k, d) lies inside an event's region, or one outside the walls."""
    for k, event in enumerate(events):
        if hasattr(event, "excludes"):
            yield from ((("events", k, *at), text) for at, text in event.excludes(starts))
    for k, wall in enumerate(walls):
        yield from ((("boundary", k, *at), text) for at, text in wall.misfits(starts.shape[1], starts))


def _located(path: tuple[str | int, ...], error: SdesimError) -> Iterator[Problem]:
    """The places that an error names, below a path; the path itself where it names none."""
    if isinstance(error, Misfit):
        yield from (((*path, *at), text) for at, text in error.problems)
    else:
        yield path, str(error)


def _noise(
    noise: Any, context: Context, examples: int, dt: float | None, real: Real | None, trial: bool
) -> Iterator[Problem]:
    needs = getattr(noise, "needs", ())
    if "trace" in needs:
        # Its size is known once the real arm has run.
        if real is None:
            yield ("match",), "match needs a real arm whose gradients it takes: twin_of"
        elif not real.gradient_probes:
            yield ("match",), f"match needs probes of the gradients of {real.name}"
        return
    if getattr(noise, "sort", "") == "minibatch" and not (examples or getattr(noise, "examples", 0)):
        yield (), "minibatch noise needs a surface that is a mean over examples: kind mlp, or twin_of"
        return
    if "batch_size" in needs and not context.batch_size:
        yield ("batch_size",), "minibatch noise needs batch_size: there is no real arm with minibatches"
        return
    if hasattr(noise, "problems_at"):
        yield from noise.problems_at(context, dt or context.learning_rate)
    if "surface" in needs and context.surface is None:
        return
    try:
        known = noise.resolved(context) if needs else noise
        known.validate(context.dim)
        if trial and getattr(noise, "needs_trial", False) and context.dim <= _TRIAL_COORDINATES:
            known.kernel(context.dim, dt or context.learning_rate, context.learning_rate)
    except SdesimError as error:
        yield from _located((), error)


def _scheme(
    scheme: Scheme, noises: Sequence[Any], dt: float | None, eta: float | None, probes: Probes | None
) -> Iterator[Problem]:
    sorts = [noise.sort for noise in noises if hasattr(noise, "sort")]
    if getattr(scheme, "converts", False) and not all(getattr(n, "steady", True) for n in noises):
        # One d⟨M⟩/dt for all steps enters them.
        rule = "a number, or sdesim.SDE with that B(t, x), whose slopes schemes find by themselves"
        yield ("noise",), f"found a schedule and scheme {scheme.name!r}, allowed: {rule}"
    yield from ((("scheme",), line) for line in misfits(scheme, sorts))
    most = STREAMS // (1 + scheme.auxiliary)
    if sum(getattr(noise, "streams", 1) for noise in noises) > most:
        yield ("noise",), f"found {len(noises)} noises, allowed: at most {most} with scheme {scheme.name!r}"
    if getattr(scheme, "steps_by_learning_rate", False) and dt is not None and eta is not None and dt != eta:
        rule = f"the learning rate, by which scheme {scheme.name!r} steps"
        yield ("dt",), f"found {dt:g}, allowed: {eta:g}, {rule}"
    if probes is not None and probes.tangent and not _carries_tangents(scheme):
        yield ("probes", "tangent"), f"found scheme {scheme.name!r}, allowed: {_with_tangents()}"


def _lost_noise(noises: Sequence[Any], context: Context, theta: Any, dt: float) -> Iterator[Problem]:
    try:
        known = [noise.resolved(context) for noise in noises]
        lines = list(precision.lost_noise(known, context.surface, theta, dt, context.learning_rate))
    except SdesimError:
        # What is wrong with a noise is told in its own place.
        return
    yield from ((("dtype",), line) for line in lines)


def has_loss(surface: Any) -> bool:
    """Whether there is a loss: an equation of its own has none."""
    return bool(getattr(surface, "has_loss", True))


_NO_LOSS = "this equation has no loss, which gradients and curvature are of"


def _equation(
    surface: Any, scheme: Scheme, noises: Sequence[Any], probes: Probes | None
) -> Iterator[Problem]:
    """What an equation of its own asks of the scheme and the probes."""
    if surface is None or has_loss(surface):
        return
    if scheme.of_a_loss:
        rule = "one for any drift, such as euler-maruyama, heun or implicit-euler"
        yield ("scheme",), f"found {short(scheme.name)}, which is of a loss's gradient, allowed: {rule}"
    constant = surface.constant_factor is not None
    changing = bool(surface.factors) and not (constant or surface.additive)
    if constant:
        yield from ((("scheme",), line) for line in misfits(scheme, [GAUSSIAN]))
    elif surface.factors:
        sort = own_sort(scheme, surface.structure) if COMMUTING in scheme.strong_order else FACTOR
        yield from ((("scheme",), f"{line}{_apart(scheme)}") for line in misfits(scheme, [sort]))
    if changing and scheme.exclusive and noises:
        yield ("noise",), f"found noise beside the equation's own, allowed: none with scheme {scheme.name!r}"
    if changing and scheme.reads != surface.convention:
        meant = {"ito": "Itô", "stratonovich": "Stratonovich"}
        found = f"found {short(scheme.name)}, which reads the diffusion in the sense of {meant[scheme.reads]}"
        fitting = [
            n for n, c in SCHEMES.items() if c.reads == surface.convention and FACTOR in c.strong_order
        ]
        yield (
            ("scheme",),
            f"{found}, allowed: {', '.join(fitting)}, as it is meant: {meant[surface.convention]}",
        )
    if probes is None:
        return
    if not probes.tangent:
        yield ("probes",), f"{_NO_LOSS}: allowed: tangent: true"
    elif changing:
        yield ("probes", "tangent"), "found a diffusion that depends on the state, allowed: one that does not"


def _apart(scheme: Scheme) -> str:
    """Why a scheme that takes some diffusions of equations does not take this one."""
    if COMMUTING not in scheme.strong_order:
        return ""
    return " such as this, whose columns don't commute: strong order 1 would need its Lévy area"


def _carries_tangents(scheme: Any) -> bool:
    return hasattr(scheme, "tangent_step") and scheme.tangent_step() is not None


def _with_tangents() -> str:
    """Names of the schemes that a tangent vector can follow."""
    return ", ".join(name for name, kind in SCHEMES.items() if _carries_tangents(kind()))


def _starts(theta0: Any, dim: int, trajectories: int | None) -> Iterator[Problem]:
    if theta0 is None:
        return
    try:
        start = np.asarray(real_array(theta0), dtype=np.float64)
    except NoNumbers:
        yield ("theta0",), f"found {short(theta0)}, allowed: a number or an array of numbers"
        return
    count = "trajectories" if trajectories is None else trajectories
    if start.ndim == 1 and start.shape[0] != dim:
        yield ("theta0",), f"found {start.shape[0]} numbers, allowed: {dim}, the surface's dimension"
    elif start.ndim > 2 or (start.ndim == 2 and start.shape[1] != dim):
        yield ("theta0",), f"found shape {start.shape}, allowed: a number, ({dim},) or ({count}, {dim})"
    elif start.ndim == 2 and trajectories is not None and start.shape[0] != trajectories:
        yield ("theta0",), f"found {start.shape[0]} rows, allowed: {trajectories}, one for each trajectory"
    elif not np.isfinite(start).all():
        yield ("theta0",), "found numbers that are not finite, allowed: finite numbers"


def first_start(surface: Surface, theta0: Any = None) -> NDArray[np.float64]:
    """Where the first trajectory starts (d,), at theta0 or where the surface says; a copy."""
    given = surface.start if theta0 is None else np.asarray(real_array(theta0), dtype=np.float64)
    starts = np.broadcast_to(given, (*given.shape[:-1], surface.dim)).reshape(-1, surface.dim)
    return np.array(starts[0])


def _known(surface: Surface | None, dim: int, theta0: Any) -> NDArray[np.float64] | None:
    """All starts (k, d), as far as they are known without loading data; None where they are not."""
    if theta0 is None:
        # Where a mean over examples starts may need them.
        cheap = surface is not None and hasattr(surface, "start") and not getattr(surface, "examples", 0)
        return first_start(surface)[None] if cheap and surface is not None else None
    try:
        given = np.asarray(real_array(theta0), dtype=np.float64)
        return np.array(np.broadcast_to(given, (*given.shape[:-1], dim)).reshape(-1, dim))
    except (TypeError, ValueError):
        # Told elsewhere.
        return None


def _walls(
    boundary: Sequence[Any], dim: int, starts: NDArray[np.float64] | None, tangent: bool
) -> Iterator[Problem]:
    wrong = [k for k, wall in enumerate(boundary) if lacks(wall, "misfits")]
    for k in wrong:
        yield (
            ("boundary", k),
            f"found {called(boundary[k])}, allowed: a wall of sdesim.walls, or a subclass of its Base",
        )
    if wrong:
        return
    for k, wall in enumerate(boundary):
        yield from ((("boundary", k, *place), text) for place, text in wall.misfits(dim, starts))
    yield from ((("boundary", *place), text) for place, text in clashes(boundary))
    if tangent and boundary:
        yield ("probes", "tangent"), "found true, allowed: false with walls, at which tangents turn"


def _overshoot(
    events: Sequence[Any], noises: Sequence[Any], context: Context, scheme: Scheme, surface: Any, plain: bool
) -> Iterator[Problem]:
    """What of the rest does not give the law of the state behind the walls."""
    if not any(getattr(event, "overshoot", False) for event in events):
        return
    try:
        known = [noise if getattr(noise, "needs", ()) else noise.resolved(context) for noise in noises]
        found = list(overshoot.misfits(events, known, scheme, surface, context.dim, plain))
    except SdesimError:
        # What is wrong with a noise or an event is told in its own place.
        return
    yield from found


class _Unknown:
    """What events may ask of a surface that is known only later: a network's, which has no wells."""

    wells: tuple[str, ...] = ()

    def __init__(self, dim: int) -> None:
        self.dim = dim


def _events(
    events: Sequence[Any], surface: Surface | None, dim: int, starts: NDArray[np.float64] | None
) -> Iterator[Problem]:
    watched: Any = surface if surface is not None else _Unknown(dim)
    for k, event in enumerate(events):
        if lacks(event, "misfits"):
            yield (
                ("events", k),
                f"found {called(event)}, allowed: an event of sdesim.events, or a subclass of its Base",
            )
            continue
        wrong = list(event.misfits(watched))
        yield from ((("events", k, *at), text) for at, text in wrong)
        if starts is not None and not wrong and hasattr(event, "excludes"):
            yield from ((("events", k, *at), text) for at, text in event.excludes(starts))
