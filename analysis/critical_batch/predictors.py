"""The noise scales at a checkpoint, over the whole population: exact, but for traces with the Hessian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from scipy.special import stdtrit
from torch.func import grad, jvp, vmap

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .branches import State, preconditioner
from .least_squares import LeastSquares, moments
from .problems import Network, Problem

Array = NDArray[np.float64]
Scales = dict[str, tuple[float, float, float]]
NAMES = {
    "simple": "1/C_1 = TrΣ/|μ|²",
    "hessian": "Tr HΣ/μᵀHμ",
    "metric": "Tr PΣ/μᵀPμ",
    "metric_hessian": "Tr PHPΣ/μᵀPHPμ",
    "edge": "Hessian, metric, rate at most the edge's",
    "sign": "(Σσ/Σ|μ|)²",
}
DRAWS = 64


def _triple(e: est.AnyEstimate) -> tuple[float, float, float]:
    return float(e.value), float(e.low), float(e.high)


def _exact(x: float) -> Estimate:
    return Estimate(x, x, x, 1.0, "exact", 1)


def of_least_squares(problem: LeastSquares, delta: Array) -> Scales:
    """All of them exact; P is 1."""
    m = moments(problem, delta)
    plain = _triple(est.noise_scale(_exact(m.signal / m.noise), 1))
    curved = _triple(est.hessian_noise_scale(m.signal, m.hessian_signal, _exact(m.hessian_noise)))
    limit = 2 / problem.lambdas.max()
    edge = est.hessian_noise_scale(m.signal, m.hessian_signal, _exact(m.hessian_noise), limit)
    # Two rows that have this μ and this σ of each coordinate.
    rows = np.stack([m.mean + m.deviations, m.mean - m.deviations])
    sign = _triple(est.sign_noise_scale(rows, exhaustive=True))
    return {
        "simple": plain, "hessian": curved, "metric": plain, "metric_hessian": curved, "edge": _triple(edge),
        "sign": sign,
    }  # fmt: skip


def of_network(problem: Problem, net: Network, state: State, seed: int) -> Scales:
    """Those of one seed's state, θ (d,)."""
    x, y = problem.data()
    x = x.double() if x.is_floating_point() else x
    theta, p = state.theta.double(), preconditioner(problem, state).double()
    each = vmap(grad(net.loss), in_dims=(None, 0, 0))
    g = torch.cat([each(theta, x[i : i + 64, None], y[i : i + 64, None]) for i in range(0, len(x), 64)])
    mean = g.mean(dim=0)
    off = g - mean
    whole: Callable[[torch.Tensor], torch.Tensor] = grad(lambda t: net.loss(t, x, y))

    def bent(v: torch.Tensor) -> torch.Tensor:
        return jvp(whole, (theta,), (v,))[1]  # type: ignore[no-any-return]

    signs = np.random.default_rng([31, seed]).choice([-1.0, 1.0], size=(DRAWS, len(x)))
    noise = torch.tensor(signs) @ off / len(x) ** 0.5

    def traces(metric: torch.Tensor) -> tuple[float, Estimate]:
        """mᵀHm and Tr HΣ of what steps are made of, P g."""
        m, v = metric * mean, metric * noise
        found = (v * vmap(bent)(v)).sum(dim=1).numpy()
        value = float(found.mean())
        half = float(stdtrit(DRAWS - 1, 0.975) * found.std(ddof=1) / DRAWS**0.5)
        return float(m @ bent(m)), Estimate(value, value - half, value + half, 0.95, "signs", DRAWS)

    root = p.sqrt().numpy()

    def curvature(v: Array) -> Array:
        return np.asarray(root * bent(torch.tensor(root * np.asarray(v).ravel())).numpy())

    operator = LinearOperator((len(root),) * 2, matvec=curvature, dtype=np.float64)
    start = np.random.default_rng([32, seed]).standard_normal(len(root))
    sharpest = float(eigsh(operator, k=1, which="LA", v0=start, tol=1e-3, return_eigenvectors=False)[0])
    ones = torch.ones_like(p)
    signal, in_metric = float(mean @ mean), float(mean @ (p * mean))
    plain, preconditioned = traces(ones), traces(p)
    # η of a step along the mean of past gradients, which momentum multiplies by 1/(1 − β).
    limit = 2 * (1 + problem.momentum) / (1 - problem.momentum) / sharpest
    spread = float((off**2).sum() / len(x)), float((p * off**2).sum() / len(x))
    return {
        "simple": _triple(est.noise_scale(_exact(signal / spread[0]), 1)),
        "hessian": _triple(est.hessian_noise_scale(signal, *plain)),
        "metric": _triple(est.noise_scale(_exact(in_metric / spread[1]), 1)),
        "metric_hessian": _triple(est.hessian_noise_scale(in_metric, *preconditioned)),
        "edge": _triple(est.hessian_noise_scale(in_metric, *preconditioned, limit)),
        "sign": _triple(est.sign_noise_scale(g.numpy(), exhaustive=True)),
    }
