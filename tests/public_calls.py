"""A valid call of every public function that takes numbers and is no estimator, for one contract of all."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

import sdesim
from sdesim import (
    comparison,
    engine,
    laws,
    noise,
    runs,
    schedules,
    sdes,
    stable,
    surfaces,
    training,
)

_RNG = np.random.default_rng(0)
LAW = {"alpha": 1.5, "beta": 0.3, "loc": 0.1, "scale": 2.0, "parametrization": "S1"}
X, Q = np.linspace(-2.0, 2.0, 7), np.linspace(0.1, 0.9, 5)
BOWL = surfaces.Quadratic([1.0, 2.0])
ROWS, ANSWERS = _RNG.standard_normal((5, 3)), _RNG.standard_normal(5)
LABELS = np.array([0, 1, 1, 0, 1])
POINTS = np.full((3, 2), 0.3)
TEMPERED, TRUNCATED = stable.tempered(1.5, 0.2), stable.truncated(1.5, 0.2, -3.0, 3.0)
ELLIPTICAL = stable.multivariate(1.5, np.eye(2))
GROWING = np.array([1.0, 2.0, 4.0, 8.0])
RUN = sdesim.simulate(
    surfaces.DoubleWell(), [noise.Gaussian(0.3)], dt=0.01, steps=20, trajectories=12, seed=1, progress=False,
    events=[engine.Exit(-1.0, 1.0)], reduce=[sdesim.reductions.Moments()],
)  # fmt: skip
torch.manual_seed(0)
NET = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
ORACLE = training.TorchOracle(
    NET, nn.functional.cross_entropy, torch.as_tensor(ROWS), torch.as_tensor(LABELS), 2
)
WEIGHTS = np.concatenate([p.detach().numpy().ravel() for p in NET.parameters()])
SERIES = np.cumsum(_RNG.standard_normal(60)) * 0.1


def _drawn(**given: Any) -> Any:
    return noise.increments(noise.Gaussian(1.0).kernel(2, 0.1, 0.1), **given)


def _loss(made: Any, at: Any) -> Any:
    return made.loss(np.full(made.dim, at))


# Name → (function, arguments); every argument is tried.
CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    **{
        f"stable.{n}": (getattr(stable, n), {"x": X, **LAW})
        for n in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
    },
    **{f"stable.{n}": (getattr(stable, n), {"q": Q, **LAW}) for n in ("ppf", "isf")},
    "stable.rvs": (stable.rvs, {**LAW, "size": 5, "seed": 3}),
    "stable.fit": (stable.fit, {"x": SERIES, "level": 0.9, "draws": 19, "seed": 0}),
    "stable.fit_multivariate": (stable.fit_multivariate, {"x": _RNG.standard_normal((30, 2)), "level": 0.9}),
    "stable.multivariate": (stable.multivariate, {"alpha": 1.5, "shape": np.eye(2), "loc": np.zeros(2)}),
    "stable.multivariate.pdf": (ELLIPTICAL.pdf, {"x": POINTS}),
    "stable.tempered": (
        stable.tempered,
        {"alpha": 1.5, "beta": 0.2, "tempering": 1.0, "loc": 0.0, "scale": 1.0},
    ),
    "stable.tempered.pdf": (TEMPERED.pdf, {"x": X}),
    "stable.tempered.cdf": (TEMPERED.cdf, {"x": X}),
    "stable.truncated": (stable.truncated, {**LAW, "low": -3.0, "high": 3.0}),
    "stable.truncated.logpdf": (TRUNCATED.logpdf, {"x": X}),
    "stable.truncated.cdf": (TRUNCATED.cdf, {"x": X}),
    "stable.truncated.sf": (TRUNCATED.sf, {"x": X}),
    "stable.truncated.ppf": (TRUNCATED.ppf, {"q": Q}),
    "stable.truncated.isf": (TRUNCATED.isf, {"q": Q}),
    "stable.torch_rvs": (stable.torch_rvs, {**LAW, "size": (3,)}),
    "stable()": (stable, LAW),
    "stable().interval": (stable(1.7).interval, {"confidence": 0.9}),
    "stable().moment": (stable(1.7).moment, {"order": 1}),
    "noise.sample_stable": (
        noise.sample_stable,
        {"alpha": 1.5, "skew": 0.1, "size": 4, "seed": 2, "scale": 1.0, "loc": 0.0},
    ),
    "noise.increments": (
        _drawn,
        {"dim": 2, "trajectories": 3, "steps": 4, "seed": 1, "stream": 0, "first": 0},
    ),
    **{
        f"{type(s).__name__}.{m}": (getattr(s, m), {"theta": np.full((3, s.dim), 0.3)})
        for s in (BOWL, surfaces.DoubleWell(2), surfaces.Rosenbrock(2))
        for m in ("loss", "grad")
    },
    **{
        f"{type(s).__name__}.hvp": (s.hvp, {"theta": np.full((3, s.dim), 0.3), "v": np.ones((3, s.dim))})
        for s in (
            BOWL,
            surfaces.DoubleWell(2),
            surfaces.Styblinski(2),
            surfaces.FlatSharp(1.0, 10.0, 4.0),
        )
    },
    "saddles": (surfaces.DoubleWell(2).saddles, {"well": 0}),
    "surfaces.hessian": (surfaces.hessian, {"surface": BOWL, "theta": POINTS[0]}),
    "surfaces.masked": (
        surfaces.masked,
        {"surface": BOWL, "mask": np.array([True, False]), "values": np.zeros(2)},
    ),
    "surfaces.MLP": (
        surfaces.MLP,
        {"widths": [3, 1], "x": ROWS, "y": ANSWERS, "start": np.zeros(4), "seed": 0},
    ),
    "surfaces.TorchSurface": (
        surfaces.TorchSurface,
        {"module": NET, "loss_fn": nn.functional.cross_entropy, "x": ROWS, "y": LABELS},
    ),
    "surfaces.roughness_exponent": (
        surfaces.roughness_exponent,
        {
            "loss": BOWL.loss,
            "points": _RNG.standard_normal((20, 2)),
            "lags": np.array([0.01, 0.02, 0.04]),
            "seed": 0,
            "level": 0.9,
        },
    ),
    "schedules.at": (schedules.at, {"value": schedules.Cosine(1.0, 2.0), "time": 0.5}),
    "OrnsteinUhlenbeck.moments": (sdes.OrnsteinUhlenbeck(1.0, 0.5).moments, {"t": 1.0, "start": np.zeros(1)}),
    "OrnsteinUhlenbeck.drift_at": (sdes.OrnsteinUhlenbeck(1.0, 0.5).drift_at, {"theta": np.zeros(1)}),
    "integrate": (
        sdesim.integrate,
        {
            "sde_or_surface": BOWL,
            "increments": np.zeros((4, 3, 2)),
            "theta0": POINTS,
            "dt": 0.1,
            "scheme": "euler-maruyama",
        },
    ),
    "drive": (
        engine.drive,
        {
            "surface": BOWL,
            "noise": [noise.Gaussian(1.0)],
            "increments": np.zeros((4, 3, 2)),
            "theta0": POINTS,
            "dt": 0.1,
        },
    ),
    "kramers": (sdesim.kramers, {"surface": surfaces.DoubleWell(), "diffusion": 0.04, "well": 0}),
    "fit": (sdesim.fit, {"series": SERIES, "model": "ornstein-uhlenbeck", "dt": 0.1, "level": 0.9}),
    "exit_statistics": (sdesim.exit_statistics, {"run": RUN, "event": 0, "level": 0.9, "band": "wilson"}),
    "reductions.estimate": (sdesim.reductions.estimate, {"run": RUN, "name": "moment", "level": 0.9}),
    "measure": (sdesim.measure, {"run": RUN, "level": 0.9}),
    "concat_runs": (sdesim.concat_runs, {"runs": [RUN]}),
    "validate_run": (runs.validate_run, {"run": RUN}),
    "laws.fit_law": (
        laws.fit_law,
        {
            "law": "power-law",
            "x": GROWING,
            "value": 1 / GROWING,
            "low": 0.9 / GROWING,
            "high": 1.1 / GROWING,
            "level": 0.9,
        },
    ),
    "comparison.compare": (comparison.compare, {"simulated": RUN, "real": RUN, "level": 0.9, "margin": 1.0}),
    "comparison.equivalence": (
        comparison.equivalence,
        {"simulated": Q, "real": Q + 0.01 * ANSWERS, "margin": 1.0, "level": 0.9},
    ),
    "comparison.bands": (comparison.bands, {"run": RUN, "quantity": "loss", "levels": (0.5, 0.9)}),
    "comparison.time_to": (comparison.time_to, {"run": RUN, "quantity": "loss", "above": 0.2}),
    "comparison.path_test": (comparison.path_test, {"simulated": RUN, "real": RUN, "level": 0.9}),
    "TorchOracle.loss": (ORACLE.loss, {"theta": WEIGHTS}),
    "TorchOracle.hvp": (ORACLE.hvp, {"theta": WEIGHTS, "v": WEIGHTS}),
    "TorchOracle.gradients": (ORACLE.gradients, {"theta": WEIGHTS, "n": 2, "rng": np.random.default_rng(0)}),
    "training.mlp": (
        training.mlp,
        {
            "widths": [3, 4, 2],
            "activation": "tanh",
            "seed": 0,
            "init": "default",
            "scale": 1.0,
            "normalisation": "none",
            "dropout": 0.0,
            "dtype": torch.float64,
        },
    ),
    "training.network_surface": (
        training.network_surface,
        {"module": NET, "x": ROWS, "y": LABELS, "loss": "cross_entropy"},
    ),
    "training.Measurement.of": (training.Measurement.of, {"step": 5, "loss": 0.5, "C_alpha": 0.5}),
}

# Packages whose functions are all above, and those that take none of a user's numbers or have contracts of
# their own: what simulates, trains, draws figures or reads files.
# Those that take long where they are not refused.
SLOW = ("stable.fit", "stable.fit_multivariate", "fit")
HOMES = ("stable", "surfaces", "noise", "schedules", "laws", "comparison", "engine", "runs")
ELSEWHERE = {
    "custom", "increments", "philox4x32", "moves", "check_fit", "convergence", "extrapolate", "mlmc",
    "simulate", "probe", "probe_rng", "projection_directions", "saved_steps", "versions", "quantity",
    "open_run", "open_runs", "cohen_kappa", "compare_phases", "fit_sweep", "phase_segments", "phase_shares",
    "rank", "sde_limit",
}  # fmt: skip
