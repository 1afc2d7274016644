"""diffrax: Euler under vmap and jit, with either Brownian path, in float64 on one core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import lineax
from serve import Run, serve

Coefficient = Callable[[Any, Any, Any], Any]


def make(problem: dict[str, Any]) -> Run:
    """Variant "tree": VirtualBrownianTree, the path that its documentation recommends; or "unsafe"."""
    dt, steps, dim = problem["dt"], problem["steps"], problem["dim"]
    end = dt * steps
    drift, diffusion = _equation(problem)
    start = jnp.broadcast_to(jnp.asarray(problem["theta0"]), (dim,))

    def path(key: Any) -> Any:
        if problem["variant"] == "unsafe":
            return diffrax.UnsafeBrownianPath(shape=(dim,), key=key)
        return diffrax.VirtualBrownianTree(0.0, end, tol=dt / 2, shape=(dim,), key=key)

    @jax.jit
    @jax.vmap
    def last(key: Any) -> Any:
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(diffusion, path(key)))
        found = diffrax.diffeqsolve(
            terms,
            diffrax.Euler(),
            0.0,
            end,
            dt,
            start,
            saveat=diffrax.SaveAt(t1=True),
            adjoint=diffrax.ForwardMode(),
            max_steps=None,
        )
        return found.ys[-1]

    keys = jax.random.split(jax.random.key(problem["seed"]), problem["trajectories"])
    return lambda steps: last(keys).block_until_ready()


def _equation(problem: dict[str, Any]) -> tuple[Coefficient, Coefficient]:
    """Drift (d,) and diffusion, a matrix (d, d) or an operator where it is diagonal."""
    name, dim = problem["name"], problem["dim"]
    if name == "heston":
        return _heston(problem)
    scale = problem["factor"] if name == "lorenz" else (2.0 * problem["noise"]) ** 0.5
    rates = jnp.asarray(problem["eigenvalues"])

    def drift(t: Any, x: Any, args: Any) -> Any:
        return -rates * x if name == "B" else -x * (x * x - 1.0)

    def lorenz(t: Any, x: Any, args: Any) -> Any:
        turn = x[0] * (problem["rho"] - x[2]) - x[1]
        return jnp.stack([problem["sigma"] * (x[1] - x[0]), turn, x[0] * x[1] - problem["beta"] * x[2]])

    def diffusion(t: Any, x: Any, args: Any) -> Any:
        return scale * jnp.eye(1) if dim == 1 else lineax.DiagonalLinearOperator(jnp.full(dim, scale))

    return lorenz if name == "lorenz" else drift, diffusion


def _heston(problem: dict[str, Any]) -> tuple[Coefficient, Coefficient]:
    """Coefficients that read max(v, 0), as sdesim's do."""
    rho, volatility = problem["correlation"], problem["volatility"]
    free = (1.0 - rho**2) ** 0.5

    def drift(t: Any, x: Any, args: Any) -> Any:
        pull = problem["rate"] * (problem["mean"] - jnp.maximum(x[1], 0.0))
        return jnp.stack([problem["drift"] * x[0], pull])

    def diffusion(t: Any, x: Any, args: Any) -> Any:
        factors = jnp.stack(
            [jnp.stack([x[0], jnp.zeros_like(x[0])]), jnp.array([volatility * rho, volatility * free])]
        )
        return jnp.sqrt(jnp.maximum(x[1], 0.0)) * factors

    return drift, diffusion


if __name__ == "__main__":
    serve(make, "diffrax", "jax")
