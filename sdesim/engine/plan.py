"""What a simulation will do: arguments checked, constants worked out, nothing run yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled.jit import source_stamp
from sdesim.engine.events import Event, Exit, Occupancy
from sdesim.engine.schemes import Scheme, as_scheme, check_scheme
from sdesim.errors import SdesimError
from sdesim.kinds.numbers import as_finite, positive, whole
from sdesim.noise import Minibatch, Noise, NoiseKernel
from sdesim.runs import Probes, projection_directions, saved_steps
from sdesim.surfaces.base import Surface, SurfaceKernel

Array = NDArray[np.float64]
SAVEABLE = ("theta", "loss", "theta_projection", "weight_norm")
_SAVED_POINTS = 1000
TANGENT_SCHEMES = ("euler-maruyama", "sgd", "heavy-ball")


@dataclass(frozen=True, eq=False)
class Plan:
    """A checked simulation.

    Attributes:
        surface, noises, scheme: what is simulated; `kernel` and `noise_kernels` are their compiled sides.
        theta0: starting points (K, d).
        dt, steps, learning_rate, seed: η is where C is read.
        saved: saved step numbers (S,), with 0 and the last.
        save_theta: whether θ itself is kept.
        directions: fixed random directions (k, d).
        save_projection: whether θ along the directions is kept.
        exits, occupancy: events.
        probes, probe_steps: what is measured, and when (P,).
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
    directions: Array
    save_projection: bool
    exits: tuple[Exit, ...]
    occupancy: bool
    probes: Probes | None
    probe_steps: NDArray[np.int64]

    @property
    def trajectories(self) -> int:
        """K."""
        return int(self.theta0.shape[0])

    @property
    def dim(self) -> int:
        """d."""
        return int(self.theta0.shape[1])

    @property
    def rate(self) -> Array:
        """Σ d⟨M⟩/dt (d,) of the multiplicative noises; (0,) without."""
        rates = [k.rate for k in self.noise_kernels if k.enters == "multiplicative"]
        return np.sum(rates, axis=0) if rates else np.zeros(0)

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
        """B of the minibatch noise; 0 without."""
        return next((n.batch_size for n in self.noises if isinstance(n, Minibatch)), 0)

    @property
    def probed(self) -> int:
        """How many trajectories are probed."""
        return 0 if self.probes is None else min(self.probes.trajectories, self.trajectories)

    @property
    def tangent(self) -> str:
        """What of the noise enters the tangent dynamics: "full", "additive_only" where none does, "" off."""
        if self.probes is None or not self.probes.tangent:
            return ""
        additive = bool(self.noise_kernels) and all(k.enters == "additive" for k in self.noise_kernels)
        return "additive_only" if additive else "full"

    def fingerprint(self) -> str:
        """Digest of all that decides the numbers; a resumed run must have the same."""
        digest = hashlib.sha256(source_stamp().encode())
        facts = [
            repr(self.scheme), self.dt, self.steps, self.learning_rate, self.seed, self.save_theta,
            repr(self.exits), self.occupancy, repr(self.probes), self.kernel.module, self.kernel.grad,
            [[k.module, k.function] for k in self.noise_kernels],
        ]  # fmt: skip
        digest.update(json.dumps(facts).encode())
        arrays = [self.theta0, self.saved, self.kernel.params, self.kernel.data0, self.kernel.data1]
        for k in self.noise_kernels:
            arrays += [k.params, k.data]
        # Functions that live in memory have no text to tell them by, so their values stand for them.
        arrays.append(np.asarray(self.surface.grad(self.theta0[0])))
        for array in arrays:
            digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def make_plan(
    surface: Surface, noise: Sequence[Noise] | Noise, theta0: ArrayLike | None, dt: float, steps: int,
    trajectories: int, seed: int, learning_rate: float | None, scheme: str | Scheme, save_every: int | None,
    save: Sequence[str], events: Sequence[Event], probes: Probes | None,
) -> Plan:  # fmt: skip
    """Check the arguments of `simulate`.

    Raises:
        SdesimError: the first one that does not fit, in the user's words.
    """
    if not all(hasattr(surface, name) for name in ("grad", "hvp", "kernel")):
        raise SdesimError(f"surface must be one of sdesim.surfaces, got {type(surface).__name__}")
    noises = tuple(noise) if isinstance(noise, Sequence) else (noise,)
    dt, steps = positive(dt, "dt"), whole(steps, "steps")
    count, seed = whole(trajectories, "trajectories"), whole(seed, "seed", least=0)
    eta = dt if learning_rate is None else positive(learning_rate, "learning_rate")
    if seed >= 2**64:
        raise SdesimError(f"seed must be below 2^64, got {seed}")
    if count >= 2**32 or steps >= 2**33:
        raise SdesimError("the generator numbers fewer than 2^32 trajectories and 2^33 steps")
    every = max(1, steps // _SAVED_POINTS) if save_every is None else whole(save_every, "save_every")
    wrong = [s for s in save if s not in SAVEABLE]
    if wrong:
        raise SdesimError(f"save takes {', '.join(SAVEABLE)}, got {', '.join(map(repr, wrong))}")
    for item in noises:
        if not hasattr(item, "gradient_noise"):
            raise SdesimError(f"noise must be of sdesim.noise, got {type(item).__name__}")
        item.validate(surface.dim)
    kernel = surface.kernel()
    kernels = tuple(n.kernel(surface.dim, dt, eta) for n in noises)
    chosen = as_scheme(scheme)
    check_scheme(chosen, kernel, kernels)
    if sum(k.streams for k in kernels) * (1 + chosen.auxiliary) > 256:
        raise SdesimError(f"at most {256 // (1 + chosen.auxiliary)} noises can be added, got {len(noises)}")
    if probes is not None and probes.tangent:
        _check_tangent(chosen, kernel)
    if chosen.name == "sgd" and dt != eta:
        raise SdesimError(f"scheme 'sgd' steps by the learning rate: dt must be {eta:g}, got {dt:g}")
    _same_surface(kernel, noises)
    exits = tuple(e for e in events if isinstance(e, Exit))
    watched = any(isinstance(e, Occupancy) for e in events)
    _check_events(surface, events, exits, watched)
    directions = projection_directions(surface.dim)
    return Plan(
        surface=surface,
        noises=noises,
        scheme=chosen,
        kernel=kernel,
        noise_kernels=kernels,
        theta0=_starts(surface, theta0, count),
        dt=dt,
        steps=steps,
        learning_rate=eta,
        seed=seed,
        saved=saved_steps(steps, every),
        save_theta="theta" in save,
        directions=directions,
        save_projection="theta_projection" in save or "theta" not in save or len(directions) < surface.dim,
        exits=exits,
        occupancy=watched,
        probes=probes,
        probe_steps=np.zeros(0, dtype=np.int64) if probes is None else probes.probe_steps(steps),
    )


def _check_tangent(scheme: Scheme, kernel: SurfaceKernel) -> None:
    if scheme.name not in TANGENT_SCHEMES:
        raise SdesimError(
            f"probes: tangent needs scheme {', '.join(TANGENT_SCHEMES)}, it can't follow {scheme.name!r}"
        )
    if kernel.hvp is None and "hvp" not in kernel.functions:
        raise SdesimError("probes: tangent needs a surface with a compiled Hessian-vector product")


def _starts(surface: Surface, theta0: ArrayLike | None, count: int) -> Array:
    """Starting points (K, d) from a number, (d,) or (K, d)."""
    start = surface.start if theta0 is None else as_finite(theta0, "theta0")
    if start.ndim > 2 or (start.ndim > 0 and start.shape[-1] != surface.dim):
        raise SdesimError(
            f"theta0 must be a number, ({surface.dim},) or ({count}, {surface.dim}), got shape {start.shape}"
        )
    if start.ndim == 2 and start.shape[0] != count:
        raise SdesimError(f"theta0 has {start.shape[0]} rows, but there are {count} trajectories")
    return np.array(np.broadcast_to(start, (count, surface.dim)))


def _same_surface(kernel: SurfaceKernel, noises: Sequence[Noise]) -> None:
    """Minibatch noise is stepped together with the drift, so it must be of the very same loss."""
    for noise in noises:
        if not isinstance(noise, Minibatch) or noise.surface is None:
            continue
        other = noise.surface.kernel()
        pairs = ((kernel.params, other.params), (kernel.data0, other.data0), (kernel.data1, other.data1))
        same = (kernel.module, dict(kernel.functions)) == (other.module, dict(other.functions)) and all(
            np.array_equal(a, b) for a, b in pairs
        )
        if not same:
            raise SdesimError("the minibatch noise must be of the surface that is simulated")


def _check_events(surface: Surface, events: Sequence[Any], exits: Sequence[Exit], watched: bool) -> None:
    if len(exits) + sum(isinstance(e, Occupancy) for e in events) != len(events):
        raise SdesimError("events must be of sdesim.events: Exit or Occupancy")
    for event in exits:
        if event.coordinate >= surface.dim:
            raise SdesimError(
                f"exit: coordinate must be below {surface.dim} (the surface's), got {event.coordinate}"
            )
    if watched and not surface.wells:
        raise SdesimError("occupancy needs a surface with named wells, such as DoubleWell or FlatSharp")
