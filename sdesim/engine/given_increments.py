"""A scheme driven by given increments, so that paths of different steps can share one noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.engine.fitting import called, check_fit
from sdesim.engine.growth import growth_of
from sdesim.engine.kernels.codegen import driver
from sdesim.engine.plan import check_kernels, own_noise
from sdesim.engine.schemes import Scheme, as_scheme
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import as_finite, positive
from sdesim.noise import Noise
from sdesim.surfaces.base import Surface

Array = NDArray[np.float64]


@refusing(SdesimError)
def integrate(
    sde_or_surface: Surface | Any,
    increments: ArrayLike,
    theta0: ArrayLike | None = None,
    *,
    dt: float,
    scheme: str | Scheme = "auto",
    auxiliary: ArrayLike | None = None,
) -> Array:
    """The path of each trajectory under increments of one's own: dθ = f dt + B dW, or dθ = −∇L dt + dN.

    Nothing is drawn, so that equations, steps and schemes can be compared on one noise: an increment over
    2 dt is the sum of two over dt.

    Args:
        sde_or_surface: an equation of `sdesim.sdes`, or a surface.
        increments: (steps, K, k) for K trajectories: ΔW of an equation's k Wiener processes; of a surface,
            or of an equation without noise of its own, ΔN of each coordinate, k = d, such as √(2D) ΔW.
        theta0: a number, (d,) or (K, d); default where the equation or the surface starts.
        dt: time step; increments are not multiplied by it.
        scheme: a name out of `sdesim.SCHEMES`, or a scheme object.
        auxiliary: a second set of increments, of the same shape, for schemes that need one ("sra1").

    Returns:
        States after each step, (steps, K, d): the last is path[-1]. NaN from the step on at which a path has
        blown up, as in a stored run (a coordinate of 1e100 or more), or that an implicit scheme did not
        solve.

    Raises:
        SdesimError: shapes do not fit, numbers that are not finite, or a scheme that can't take them.

    Example:
        >>> dw = np.sqrt(0.01) * np.random.default_rng(1).standard_normal((100, 50, 1))
        >>> sde = sdesim.sdes.GeometricBrownian(drift=0.05, volatility=0.2)
        >>> path = sdesim.integrate(sde, dw, 1.0, dt=0.01)
    """
    if isinstance(sde_or_surface, type) or not all(
        hasattr(sde_or_surface, name) for name in ("grad", "kernel")
    ):
        raise SdesimError(
            "integrate takes an equation of sdesim.sdes or one of sdesim.surfaces, got "
            f"{called(sde_or_surface)}"
        )
    start = sde_or_surface.start if theta0 is None else theta0
    return drive(sde_or_surface, [], start, increments, dt=dt, scheme=scheme, auxiliary=auxiliary)


@refusing(SdesimError)
def drive(
    surface: Surface,
    noise: Sequence[Noise],
    theta0: ArrayLike,
    increments: ArrayLike,
    *,
    dt: float,
    scheme: str | Scheme = "euler-maruyama",
    auxiliary: ArrayLike | None = None,
) -> Array:
    """The path of each trajectory for increments that are given instead of drawn.

    Args:
        surface: L.
        noise: what the increments are of: additive noises, or multiplicative ones; it decides how the scheme
            uses them (and Σs² of the multiplicative ones), but nothing is drawn from it.
        theta0: a number, (d,) or (K, d).
        increments: ΔN, or ΔM of multiplicative noise, over each step: (steps, K, d); of an equation of
            `sdesim.sdes` with noise of its own dW, (steps, K, k).
        dt: time step.
        scheme: a name out of `sdesim.SCHEMES`, or a scheme object.
        auxiliary: ΔN′ (steps, K, d) for schemes that draw a second set, such as "sra1".

    Returns:
        States after each step, (steps, K, d); NaN from the step on at which a path has blown up (a coordinate
        of 1e100 or more), or that an implicit scheme did not solve.

    Raises:
        SdesimError: shapes do not fit, the scheme can't take the noise, or the noise is of minibatches.
    """
    given = as_finite(increments, "increments")
    kernel = surface.kernel()
    constant = getattr(surface, "constant_factor", None)
    width = kernel.factors or surface.dim
    if given.ndim != 3 or given.shape[2] != width:
        raise SdesimError(f"increments must be (steps, K, {width}), got shape {given.shape}")
    steps, count, _ = given.shape
    given = given if constant is None else given * constant
    dim = surface.dim
    dt, chosen = positive(dt, "dt"), as_scheme(scheme)
    if found := list(check_fit(surface, noise, chosen, dt=dt, trial=False)):
        raise Misfit(found)
    if hasattr(chosen, "resolved"):
        chosen = chosen.resolved(surface, noise, growth_of)
    kernels = own_noise(surface, kernel, dt) + tuple(n.kernel(dim, dt, dt) for n in noise)
    check_kernels(chosen, kernel, kernels)
    entering = {k.enters for k in kernels}
    if len(entering) > 1 or "examples" in entering:
        raise SdesimError("drive takes either additive or multiplicative noises, or an equation's own")
    second = np.zeros((steps, count, 0))
    if chosen.auxiliary:
        if auxiliary is None:
            raise SdesimError(f"scheme {chosen.name!r} needs auxiliary increments")
        second = as_finite(auxiliary, "auxiliary")
        if second.shape != given.shape:
            raise SdesimError(f"auxiliary must have the shape {given.shape}, got {second.shape}")
    multiplicative, own = "multiplicative" in entering, "factor" in entering
    nothing, still = np.zeros((steps, count, 0)), np.zeros((steps, count, dim))
    start = as_finite(theta0, "theta0")
    if start.shape not in ((), (dim,), (count, dim)):
        raise SdesimError(f"theta0 must be a number, ({dim},) or ({count}, {dim}), got shape {start.shape}")
    # A copy always: the kernel steps it in place.
    x = np.array(np.broadcast_to(start, (count, dim)).T, order="C")
    rate = np.sum([k.rate for k in kernels], axis=0) if multiplicative else np.zeros(0)
    out = np.empty((steps, dim, count))
    driver(kernel, kernels, chosen).drive(
        x,
        np.zeros((dim if chosen.velocity else 0, count)),
        _by_step(still if multiplicative or own else given),
        _by_step(second),
        _by_step(given if multiplicative else nothing),
        _by_step(given if own else nothing),
        (kernel.params, kernel.data0, kernel.data1),
        (chosen.params(dt), rate, chosen.work_arrays(dim)),
        dt,
        out,
    )
    return np.ascontiguousarray(out.transpose(0, 2, 1))


def _by_step(increments: Array) -> Array:
    """(steps, K, rows) → (steps, rows, K), a copy: a step may write over its increments."""
    return np.array(increments.transpose(0, 2, 1), order="C")
