"""diffrax: Euler under vmap and jit, with either Brownian path, in float64 on one core."""

from __future__ import annotations

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
from serve import Run, serve


def make(problem: dict[str, Any]) -> Run:
    """Variant "tree": VirtualBrownianTree, the path that its documentation recommends; or "unsafe"."""
    dt, steps, dim = problem["dt"], problem["steps"], problem["dim"]
    end, scale = dt * steps, (2.0 * problem["noise"]) ** 0.5
    rates = jnp.asarray(problem["eigenvalues"])

    def drift(t: Any, x: Any, args: Any) -> Any:
        return -rates * x if problem["name"] == "B" else -x * (x * x - 1.0)

    def diffusion(t: Any, x: Any, args: Any) -> Any:
        return scale * jnp.eye(1) if dim == 1 else diagonal()

    def diagonal() -> Any:
        import lineax

        return lineax.DiagonalLinearOperator(jnp.full(dim, scale))

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
            jnp.full(dim, problem["theta0"]),
            saveat=diffrax.SaveAt(t1=True),
            adjoint=diffrax.ForwardMode(),
            max_steps=None,
        )
        return found.ys[-1]

    keys = jax.random.split(jax.random.key(problem["seed"]), problem["trajectories"])
    return lambda steps: last(keys).block_until_ready()


if __name__ == "__main__":
    serve(make, "diffrax", "jax")
