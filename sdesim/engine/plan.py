"""What a simulation will do: arguments checked, constants worked out, nothing run yet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled.streams import FIRST_OF_VECTORS
from sdesim.engine.continuation import FIELD, End
from sdesim.engine.events import Event
from sdesim.engine.events.overshoot import stable_law
from sdesim.engine.events.region import Region
from sdesim.engine.events.watching import Paths, Watched, paths_of, reach, watched
from sdesim.engine.fitting import called, check_fit, excluded, first_start, has_loss, unobservable
from sdesim.engine.growth import growth_of, overshoot_radius
from sdesim.engine.halving import halvings, kernel_misfits
from sdesim.engine.memory import check_room
from sdesim.engine.observables.base import Base as Observable
from sdesim.engine.observables.base import as_observables
from sdesim.engine.price import MEAN_ALONE, NO_VARIANCE, SAMPLED, reading_price
from sdesim.engine.reductions.base import Base as Reduction
from sdesim.engine.reductions.base import Setting
from sdesim.engine.reductions.collected import past_of, size_of
from sdesim.engine.saved_times import steps_of, steps_to_save, time_problems
from sdesim.engine.schemes import Scheme, as_scheme, misfits, sort_of
from sdesim.engine.schemes.base import GAUSSIAN, own_sort, stated_orders
from sdesim.engine.simulated_oracle import SimulatedOracle
from sdesim.engine.walls.base import Base as Wall
from sdesim.engine.walls.base import WallKernel, confine, kernels_of
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.kinds.numbers import as_finite, positive, whole
from sdesim.kinds.spelling import short
from sdesim.noise import Noise, NoiseKernel
from sdesim.noise.base import Context
from sdesim.noise.following import resolved
from sdesim.noise.gaussian import Gaussian, diagonal_kernel
from sdesim.noise.kernel import Drawn
from sdesim.runs import Probes, projection_directions
from sdesim.runs.memory import check_memory
from sdesim.runs.price import Unpaid, paid_for
from sdesim.schedules import Coefficient, at
from sdesim.schedules.base import Base as Schedule
from sdesim.surfaces.base import Surface, SurfaceKernel

Array = NDArray[np.float64]
SAVEABLE = ("theta", "loss", "theta_projection", "weight_norm")


@dataclass(frozen=True, eq=False)
class Plan:
    """A checked simulation.

    Attributes:
        surface, noises, scheme: what is simulated; `kernel` and `noise_kernels` are their compiled sides.
        theta0: starting points (K, d).
        dt, steps, learning_rate, seed: η is where C is read, at the start where it is a schedule.
        rate: the schedule of η; None where it is a number.
        boundary: walls; those that end trajectories have an event among the exits.
        walls: the compiled sides of those that bring states back.
        saved: saved step numbers (S,), with 0 and the last where no times were asked for.
        save_theta, save_loss, save_norm: whether θ itself, the loss and the norm are kept.
        directions: fixed random directions (k, d).
        save_projection: whether θ along the directions is kept.
        exits, occupancy: events whose first exit is recorded; whether time in wells is counted.
        probes, probe_steps: what is measured, and when (P,).
        reductions: what is kept of all trajectories together.
        dtype: of the state and the coefficients, "float64" or "float32".
        observables: what is made of states at saved steps, by name.
        first: the number of the first trajectory, of a part of a larger ensemble.
        end: where a run that is continued ended; `steps` and `saved` count from its beginning.
        refine: how many of its steps make one of the run whose path it walks; that one numbers what is kept.
        tolerance, halvings: the error beyond which a step is halved, and how often at most; None and 0 where
            no step is.
    """

    surface: Surface
    noises: tuple[Noise, ...]
    scheme: Scheme
    kernel: SurfaceKernel
    noise_kernels: tuple[NoiseKernel, ...]
    theta0: Array
    dt: float
    steps: int
    learning_rate: float
    seed: int
    saved: NDArray[np.int64]
    save_theta: bool
    save_loss: bool
    save_norm: bool
    directions: Array
    save_projection: bool
    exits: tuple[Event, ...]
    occupancy: bool
    probes: Probes | None
    probe_steps: NDArray[np.int64]
    dtype: str = "float64"
    rate: Schedule | None = None
    boundary: tuple[Wall, ...] = ()
    walls: tuple[WallKernel, ...] = ()
    reductions: tuple[Reduction, ...] = ()
    observables: Mapping[str, Observable] = field(default_factory=dict)
    first: int = 0
    end: End | None = None
    refine: int = 1
    tolerance: float | None = None
    halvings: int = 0

    @property
    def smallest_dt(self) -> float | None:
        """The length of a step that was halved as often as it may be; None where no step is."""
        return None if self.tolerance is None else self.dt * 0.5**self.halvings

    @property
    def begin(self) -> int:
        """The step from which it goes on."""
        return 0 if self.end is None else self.end.step

    @property
    def probes_before(self) -> int:
        """How many probes lay before it."""
        if self.probes is None:
            return 0
        return -(-self.begin // self.probes.interval(self.steps - self.begin))

    def noise_rows(self, kernel: NoiseKernel) -> int:
        """How many increments a noise draws in a step: of coordinates, of examples or of Wiener processes."""
        if kernel.rows:
            return kernel.rows
        if kernel.enters == "factor":
            return self.kernel.factors
        return self.kernel.examples if kernel.enters == "examples" else self.dim

    @cached_property
    def noise_memory(self) -> dict[int, int]:
        """Rows of the state of each noise that is drawn ahead, by the noise's number; of a scheme that moves
        its trajectories itself none, which keeps it in its checkpoints alone."""
        found: dict[int, int] = {}
        if self.walked:
            return found
        stream = 0
        for k, kernel in enumerate(self.noise_kernels):
            if kernel.ahead is not None:
                rows = self.noise_rows(kernel)
                found[k] = len(kernel.ahead.start(Drawn(self.seed, stream, self.first, 1, rows, self.steps)))
            stream += kernel.streams
        return found

    @property
    def walked(self) -> bool:
        """Whether the scheme moves the trajectories itself, and has times and rates of its own."""
        return bool(getattr(self.scheme, "walks", False))

    def times(self, steps: NDArray[np.int64]) -> Array:
        """The times of steps (S,)."""
        if self.walked:
            return np.asarray(self.scheme.times(steps), dtype=np.float64)  # type: ignore[attr-defined]
        return np.asarray(steps * self.dt, dtype=np.float64)

    def rates(self, steps: NDArray[np.int64]) -> Array | None:
        """η at steps (S,); None where it is one number."""
        if self.walked:
            return np.asarray(self.scheme.rates(steps), dtype=np.float64)  # type: ignore[attr-defined]
        return None if self.rate is None else np.asarray(self.rate(steps * self.dt))

    def learning_rate_at(self, step: int) -> float:
        """η at a step."""
        if self.walked:
            return float(self.rates(np.array([step]))[0])  # type: ignore[index]
        return self.learning_rate if self.rate is None else float(self.rate(step * self.dt))

    def oracle(self, step: int = 0) -> SimulatedOracle:
        """Gradients as they are at a step."""
        assert self.probes is not None
        noises = tuple(n.at(step * self.dt) if hasattr(n, "at") else n for n in self.noises)
        surface = self.surface.at(step * self.dt) if hasattr(self.surface, "at") else self.surface
        # Noises of a scheme that walks by itself are of gradients at the one η that they were made for,
        # whatever its rates.
        eta = self.learning_rate if self.walked else self.learning_rate_at(step)
        return SimulatedOracle(surface, noises, eta, self.probes.batch_size)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The regions of the events in `exits`."""
        found = (e.region(self.dim) for e in self.exits)
        return tuple(region for region in found if region is not None)

    @cached_property
    def paths(self) -> Paths:
        """What lies between two steps, asked where something is watched: a covariance takes its time."""
        noises, kernels, zero = self.noises, self.noise_kernels, np.zeros(self.dim)
        if not self.regions:
            return Paths("discrete", zero, zero, np.zeros((0, 0)), noises, self.dt)
        if len(kernels) > len(noises):
            # The first is the equation's own.
            rate = getattr(self.surface, "noise_rate", None)
            if rate is None:
                return Paths("unknown", zero, zero, np.zeros((0, 0)), noises, self.dt)
            own = Gaussian(diffusion=0.5 * rate)
            noises, kernels = (own, *noises), (own.kernel(self.dim, self.dt, self.dt), *kernels[1:])
        return paths_of(noises, kernels, self.scheme, self.dim, self.dt)

    @cached_property
    def watches(self) -> tuple[Watched, ...]:
        """How each of the regions is watched."""
        asking = [r for r in self.regions if r.overshoot]
        law = stable_law(asking, self.noises, self.dim) if asking else None
        if isinstance(law, str):
            raise SdesimError(f"overshoot: {law}")
        return tuple(
            watched(r, self.paths, reach(r, self.theta0), law if r.overshoot else None) for r in self.regions
        )

    @cached_property
    def one_start(self) -> bool:
        """Whether all trajectories begin at one point."""
        return bool((self.theta0 == self.theta0[:1]).all())

    @property
    def trajectories(self) -> int:
        """K."""
        return int(self.theta0.shape[0])

    @property
    def dim(self) -> int:
        """d."""
        return int(self.theta0.shape[1])

    @property
    def variance_rate(self) -> Array:
        """Σ d⟨M⟩/dt (d,) of the multiplicative noises; (0,) without."""
        rates = [k.rate for k in self.noise_kernels if k.enters == "multiplicative"]
        return np.sum(rates, axis=0) if rates else np.zeros(0)

    @cached_property
    def overshoot_radius(self) -> float | None:
        """|θ| below which no explicit step is thrown across; None where that is not watched: without jumps,
        with schemes that don't overshoot, with steps that are halved, and where the drift grows at most
        linearly."""
        jumps = any(not k.gaussian for k in self.noise_kernels)
        if not (jumps and getattr(self.scheme, "explicit", False)) or self.dtype != "float64":
            return None
        if self.tolerance is not None:
            return None
        if self.kernel.examples or self.kernel.timed or growth_of(self.surface) <= 2.05:
            return None
        return overshoot_radius(self.surface, self.dt)

    @property
    def orders(self) -> tuple[float | None, float | None]:
        """Strong and weak order that the scheme states under these noises; None where it states none."""
        sorts = [sort_of(k) for k in self.noise_kernels if k.enters != "factor"]
        if len(sorts) < len(self.noise_kernels):
            structure = self.surface.structure  # type: ignore[attr-defined]
            sorts.append(GAUSSIAN if structure == "additive" else own_sort(self.scheme, structure))
        return stated_orders(self.scheme, sorts)

    @property
    def saved_directions(self) -> Array:
        """The directions along which θ is kept, (k, d), or (0, d) where it is not."""
        return self.directions if self.save_projection else self.directions[:0]

    @property
    def groups(self) -> dict[str, slice]:
        """Layers of a network's surface; none elsewhere."""
        return dict(getattr(self.surface, "groups", {}))

    @property
    def batch_size(self) -> int:
        """B of noise that is drawn from examples; 0 without."""
        sizes = [int(getattr(n, "batch_size", 0) or 0) for n in self.noises]
        return next((size for size in sizes if size), 0)

    @property
    def sampling(self) -> str:
        """How noise draws its examples: "epoch", "with-replacement", or "none" without."""
        if not self.batch_size:
            return "none"
        found = [getattr(n, "sampling", None) for n in self.noises]
        return "epoch" if "epoch" in found else "with-replacement"

    @property
    def last_batch(self) -> int:
        """Examples of a smaller last batch of an epoch, 0 where there is none."""
        cut = any(getattr(n, "drop_last", None) is False for n in self.noises)
        return self.kernel.examples % self.batch_size if cut and self.sampling == "epoch" else 0

    @property
    def tail_index(self) -> float | None:
        """The smallest α of noises without a variance; None where there are none."""
        found = [getattr(n, "tail_index", None) for n in self.noises]
        return min((float(a) for a in found if a is not None), default=None)

    @property
    def confined(self) -> bool:
        """Whether walls bound every coordinate, so that states have all moments whatever the noise."""
        return confine(self.boundary, self.dim)

    @property
    def state_index(self) -> float | None:
        """`tail_index` where states have that tail; None where walls hold them."""
        return None if self.confined else self.tail_index

    @property
    def setting(self) -> Setting:
        """What the reductions are of."""
        return Setting(self.dim, self.trajectories, self.saved, self.steps, self.begin, self.state_index)

    @property
    def probed(self) -> int:
        """How many trajectories are probed: of those of the whole ensemble the first."""
        count = 0 if self.probes is None else self.probes.trajectories
        return min(max(count - self.first, 0), self.trajectories)

    @property
    def tangent(self) -> str:
        """What of the noise enters the tangent dynamics: "full", "additive_only" where none does, "" off."""
        if self.probes is None or not self.probes.tangent:
            return ""
        # A diffusion of the equation's own goes along only where it does not depend on the state.
        constant = ("additive", "factor")
        additive = bool(self.noise_kernels) and all(k.enters in constant for k in self.noise_kernels)
        return "additive_only" if additive else "full"


def make_plan(
    surface: Surface, noise: Sequence[Noise] | Noise, *, theta0: ArrayLike | None, dt: float,
    steps: int | None,
    trajectories: int, seed: int, learning_rate: Any, scheme: str | Scheme, save_every: int | None,
    save: Sequence[str] | str, events: Sequence[Event] | Event, probes: Probes | None, dtype: str = "float64",
    boundary: Sequence[Wall] | Wall = (), T: float | None = None, save_at: ArrayLike | None = None,
    observe: Mapping[str, Any] | None = None, first: int = 0, end: End | None = None,
    reduce: Sequence[Reduction] | Reduction = (),
    tolerance: float | None = None, smallest_dt: float | None = None,
) -> Plan:  # fmt: skip
    """Check the arguments of `simulate`.

    Raises:
        SdesimError: what does not fit, in the user's words.
    """
    if isinstance(surface, type) or not all(hasattr(surface, name) for name in ("grad", "hvp", "kernel")):
        raise SdesimError(
            f"surface must be one of sdesim.surfaces, or an equation of sdesim.sdes, got {called(surface)}"
        )
    noises, events, save = several(noise), several(events), several(save)
    dt = positive(dt, "dt")
    steps = None if steps is None else whole(steps, "steps")
    save_every = None if save_every is None else whole(save_every, "save_every")
    T = None if T is None else positive(T, "T")
    begin = 0 if end is None else end.step
    if misplaced := list(time_problems(dt, steps, T, save_every, save_at, begin)):
        raise Misfit(misplaced)
    further = steps_of(dt, steps, T, begin)
    steps = begin + further
    count, seed = whole(trajectories, "trajectories"), whole(seed, "seed", least=0)
    rate = dt if learning_rate is None else as_rate(learning_rate)
    eta = positive(at(rate, 0.0), "learning_rate")
    if seed >= 2**64:
        raise SdesimError(f"seed must be below 2^64, got {seed}")
    first = whole(first, "first", least=0)
    if end is not None and end.theta.shape[1] != surface.dim:
        raise Misfit(FIELD, f"its theta has {end.theta.shape[1]} coordinates, the surface {surface.dim}")
    theta0 = theta0 if end is None else end.starts
    if first + count > 2**32 or count >= 2**32 or steps >= 2**33:
        raise SdesimError("the generator numbers fewer than 2^32 trajectories and 2^33 steps")
    wrong = [s for s in save if s not in SAVEABLE]
    if wrong:
        raise SdesimError(f"save takes {', '.join(SAVEABLE)}, got {', '.join(map(repr, wrong))}")
    walls, observables, reductions = several(boundary), as_observables(observe), several(reduce)
    saved = steps_to_save(dt, further, save_every, save_at, begin)
    if not (probes is None or hasattr(probes, "tangent")):
        raise Misfit("probes", f"found {short(probes)}, allowed: sdesim.Probes(…), or None")
    problems = check_fit(
        surface, noises, scheme, dt=dt, learning_rate=rate, events=events, probes=probes, theta0=theta0,
        trajectories=count, steps=steps, trial=False, dtype=dtype, boundary=walls, begun=end is not None,
        observe=observables, reduce=reductions, saved=saved, tolerance=tolerance, smallest_dt=smallest_dt,
    )  # fmt: skip
    if wrong := list(problems):
        raise Misfit(wrong)
    check_room(surface.dim, count, probes)
    along = sum(noise.path_numbers(surface.dim) for noise in noises if hasattr(noise, "path_numbers"))
    check_memory(8.0 * along * count * steps, "noise: the whole paths", "lower steps or trajectories")
    setting = Setting(surface.dim, count, saved, steps, begin)
    check_memory(size_of(reductions, setting), "reduce: what is kept", "raise save_every or reduce less")
    check_memory(past_of(reductions, setting), "reduce: the states of the longest lag", "lower lags")
    context = Context(surface.dim, eta, surface)
    noises = tuple(resolved(n, context, rate) for n in noises)
    kernel = surface.kernel()
    kernels = own_noise(surface, kernel, dt) + tuple(n.kernel(surface.dim, dt, eta) for n in noises)
    chosen = as_scheme(scheme)
    if hasattr(chosen, "resolved"):
        chosen = chosen.resolved(surface, noises, growth_of, probes is not None and probes.tangent)
    check_kernels(chosen, kernel, kernels, tangent=probes is not None and probes.tangent)
    if wrong := list(kernel_misfits(tolerance, kernels, len(kernels) - len(noises))):
        raise Misfit(wrong)
    _same_surface(kernel, noises)
    drawn = sum(k.streams for k in kernels) * (2 if chosen.auxiliary else 1)
    if drawn > FIRST_OF_VECTORS:
        raise Misfit("noise", f"found {drawn} sets of increments, allowed: at most {FIRST_OF_VECTORS}")
    if not has_loss(surface):
        probes = None if probes is None else replace(probes, estimators=())
    probes = _paid_for(probes, noises, further, count)
    probed = np.zeros(0, dtype=np.int64)
    if probes is not None:
        apart = probes.interval(further)
        probed = np.arange(-(-begin // apart) * apart, steps + 1, apart, dtype=np.int64)
        probes = probes if len(probed) else None
    # Kernels take them written out.
    directions = np.asarray(projection_directions(surface.dim))
    start = surface.start if theta0 is None else as_finite(theta0, "theta0")
    # Where the examples decide the start it is known only now.
    if theta0 is None and (wrong := list(excluded(events, walls, start[None]))):
        raise Misfit(wrong)
    if theta0 is None and int(getattr(surface, "examples", 0)):
        wrong = list(unobservable(observables, surface, surface.dim, start[None]))
        if wrong:
            raise Misfit(wrong)
    now = [n.at(0.0) if hasattr(n, "at") else n for n in noises]
    check_known(probes, surface, now, eta, first_start(surface, start))
    events = (*events, *(wall.event for wall in walls if wall.event is not None))
    return Plan(
        surface=surface,
        noises=noises,
        scheme=chosen,
        kernel=kernel,
        noise_kernels=kernels,
        theta0=np.array(np.broadcast_to(start, (count, surface.dim))),
        dt=dt,
        steps=steps,
        learning_rate=eta,
        seed=seed,
        saved=saved,
        save_theta="theta" in save,
        save_loss="loss" in save and has_loss(surface),
        save_norm="weight_norm" in save or "loss" in save,
        directions=directions,
        save_projection="theta_projection" in save
        or ("loss" in save and ("theta" not in save or len(directions) < surface.dim)),
        exits=tuple(e for e in events if e.watches),
        occupancy=any(e.counts_wells for e in events),
        probes=probes,
        probe_steps=probed,
        dtype=dtype,
        first=first,
        end=end,
        rate=rate if isinstance(rate, Schedule) else None,
        boundary=walls,
        walls=kernels_of(walls),
        reductions=reductions,
        observables=observables,
        tolerance=tolerance,
        halvings=0 if tolerance is None else halvings(dt, smallest_dt, steps),
    )


def several(value: Any) -> tuple[Any, ...]:
    """One thing, or a sequence of them, as a tuple."""
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)


def own_noise(surface: Any, kernel: SurfaceKernel, dt: float) -> tuple[NoiseKernel, ...]:
    """The Wiener processes of an equation's own noise, increments √dt z of the first stream; else none."""
    constant = getattr(surface, "constant_factor", None)
    if constant is not None:
        return (diagonal_kernel(constant * math.sqrt(dt)),)
    if not kernel.factors:
        return ()
    own = diagonal_kernel(np.full(kernel.factors, math.sqrt(dt)))
    return (replace(own, enters="factor"),)


def as_rate(value: Any) -> Any:
    """A learning rate as a number or a schedule.

    Raises:
        SdesimError: it is neither.
    """
    from pydantic_core import PydanticCustomError, ValidationError

    if isinstance(value, int | float | np.generic) or value is None:
        return positive(value, "learning_rate")
    try:
        return Coefficient(0).read(value)
    except PydanticCustomError as error:
        raise Misfit("learning_rate", error.message()) from None
    except ValidationError as error:
        raise Misfit([(("learning_rate", *e["loc"]), e["msg"]) for e in error.errors()]) from None


def check_known(
    probes: Probes | None, surface: Surface, noises: Sequence[Noise], learning_rate: float, theta: Array
) -> None:
    """Refuse probes that ask for more than the laws of the noises give, as `check_laws` of a surface's.

    Raises:
        Misfit: naming the field.
    """
    if probes is not None and has_loss(surface):
        oracle = SimulatedOracle(surface, noises, learning_rate, probes.batch_size)
        check_laws(probes, oracle.noises, learning_rate, theta)


def check_laws(probes: Probes, noises: Sequence[Any], learning_rate: float, theta: Array) -> None:
    """Refuse readings without draws of noises whose law does not give them, and a precision of those without
    a variance.

    Args:
        noises: resolved. theta: a point (d,).

    Raises:
        Misfit: naming the field.
    """
    for noise in noises:
        if probes.precision is not None and getattr(noise, "tail_index", None) is not None:
            raise Misfit(("probes", "precision"), f"found {probes.precision:g}, {NO_VARIANCE}")
        if probes.exact is not True:
            continue
        law = getattr(noise, "noise_moments", None)
        moments = None if law is None else law(theta, learning_rate)
        if moments is None:
            raise Misfit(("probes", "exact"), f"found true, {SAMPLED}")
        if moments.covariance is None:
            raise Misfit(("probes", "exact"), f"found true, {MEAN_ALONE}")


def _paid_for(probes: Probes | None, noises: Sequence[Noise], steps: int, trajectories: int) -> Probes | None:
    """The probes with what their budget pays for.

    Raises:
        Misfit: it pays for no reading.
    """
    if probes is None or probes.budget is None:
        return probes
    try:
        return paid_for(probes, reading_price(probes, noises, trajectories), steps)
    except Unpaid as error:
        raise Misfit(("probes", "budget"), error.at_field) from None


def check_kernels(
    scheme: Scheme, surface: SurfaceKernel, noises: Sequence[NoiseKernel], tangent: bool = False
) -> None:
    """Refuse what only the compiled sides tell: noises that say no sort, products of the Hessian."""
    # Of the equation's own noise `check_fit` knows more.
    for line in misfits(scheme, [sort_of(noise) for noise in noises if noise.enters != "factor"]):
        raise Misfit("scheme", line)
    if surface.offers("hvp"):
        return
    if scheme.needs_hvp:
        rule = f"scheme {scheme.name!r} needs a surface with a compiled Hessian-vector product"
        raise Misfit("scheme", rule)
    if tangent:
        raise Misfit(("probes", "tangent"), "needs a surface with a compiled Hessian-vector product")


def _same_surface(kernel: SurfaceKernel, noises: Sequence[Noise]) -> None:
    """Noise drawn from examples is stepped together with the drift, so it must be of the very same loss."""
    for k, noise in enumerate(noises):
        own = getattr(noise, "surface", None)
        if own is None:
            continue
        other = own.kernel()
        pairs = ((kernel.params, other.params), (kernel.data0, other.data0), (kernel.data1, other.data1))
        same = (kernel.module, dict(kernel.functions)) == (other.module, dict(other.functions)) and all(
            np.array_equal(a, b) for a, b in pairs
        )
        if not same:
            raise Misfit(("noise", k), "the minibatch noise must be of the surface that is simulated")
