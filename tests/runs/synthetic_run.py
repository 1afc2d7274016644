"""A run whose gradients are given, and what its measurements say."""

import numpy as np

from sdesim.runs import RunWriter
from sdesim.runs.schema import CURVATURE_PROBE, EVERY_PROBE, GRADIENT_PROBE, GROUP_PROBE

DIRECTIONS, GROUPS = 6, ("first", "second")

VARIABLES = [
    "loss", "theta_projection", "status", "tangent_growth", *EVERY_PROBE, *GRADIENT_PROBE, *GROUP_PROBE,
    *CURVATURE_PROBE,
]  # fmt: skip


def synthetic(gradients, kind="simulated", steps=101, scale=1.0, **attrs):
    """A run of the schema whose gradients (K, P, n, d) and curvature are given numbers; d = 2 groups' sum."""
    count, probes, n, d = gradients.shape
    rng = np.random.default_rng(0)
    saved, at = np.arange(steps), np.linspace(0, steps - 1, probes).astype(int)
    writer = RunWriter(
        kind=kind, trajectories=count, steps=saved, time=0.1 * saved, dim=d, out=None, variables=VARIABLES,
        probe_steps=at, probe_time=0.1 * at, probe_trajectories=count, samples=n, groups=GROUPS,
        directions=min(d, DIRECTIONS),
        attrs={"name": "x", "seed": 1, "learning_rate": 0.1, "batch_size": 8, "optimizer": "sgd", **attrs},
    )  # fmt: skip
    mean = gradients.mean(axis=2)
    path = np.cumsum(rng.standard_normal((count, steps, min(d, DIRECTIONS))), axis=1)
    sharpness = scale * (1 + rng.random((count, probes)))
    norm2, signal = (gradients**2).sum(axis=-1), (mean**2).sum(axis=-1)
    noise = (norm2.sum(axis=-1) - n * signal) / (n - 1)
    halves = [slice(0, d // 2), slice(d // 2, d)]
    values = {
        "theta_projection": path,
        # A loss that moved otherwise than the gradients say would contradict the phases.
        "loss": np.ones((count, steps)),
        "tangent_growth": rng.standard_normal((count, probes)),
        "signal": signal,
        "noise": noise,
        "gradient_samples": np.full((count, probes), float(n)),
        "step_size": np.full((count, probes), 0.1),
        "gradient_norm2": norm2,
        "gradient_dot_mean": np.einsum("kpnd,kpd->kpn", gradients, mean),
        "gradient_projection": gradients[..., :DIRECTIONS],
        "group_signal": np.stack([(mean[..., h] ** 2).sum(axis=-1) for h in halves], axis=-1),
        "group_noise": np.stack(
            [gradients[..., h].var(axis=2, ddof=1).sum(axis=-1) for h in halves], axis=-1
        ),
        "lambda_max": sharpness,
        "lambda_min": -0.1 * sharpness,
        "curvature_residual": 1e-4 * sharpness,
        "curvature_residual_min": 1e-4 * sharpness,
        "hessian_signal": signal * sharpness,
        "hessian_signal_error": 0.1 * signal * sharpness,
        "hessian_noise": 0.5 * noise * sharpness,
        "hessian_noise_error": 0.05 * noise * sharpness,
    }
    for name, value in values.items():
        writer.write(name, value)
    return writer.finish()


def normal(shape=(2, 3, 24, DIRECTIONS), mean=0.5, seed=0):
    return mean + np.random.default_rng(seed).standard_normal(shape)


def flags(m, name, k=0, p=0):
    return str(m[f"{name}_flags"].values[k, p]).split(";")
