"""A run that holds every variable of the schema, so that everything that can be measured is."""

import numpy as np

from sdesim.runs import VARIABLES, RunWriter

SIZES = {
    "trajectory": 3, "step": 61, "param": 6, "probe": 7, "sample": 64, "group": 2, "client": 5,
    "direction": 4, "event": 2, "well": 2, "noise_state": 6,
}  # fmt: skip


def complete_run(kind="real", seed=0, name="net"):
    """Moments are those of gradients drawn here, so that variables agree where an estimator needs it."""
    rng = np.random.default_rng(seed)
    count, probes, n, d = (SIZES[k] for k in ("trajectory", "probe", "sample", "param"))
    steps, at = np.arange(SIZES["step"]), np.arange(0, SIZES["step"], 10)
    writer = RunWriter(
        kind=kind, trajectories=count, steps=steps, time=0.1 * steps, dim=d, out=None,
        variables=list(VARIABLES), probe_steps=at, probe_time=0.1 * at, samples=n,
        directions=SIZES["direction"], groups=("first", "second"), events=("left", "right"),
        wells=("flat", "sharp"), clients=SIZES["client"], noise_states=SIZES["noise_state"],
        attrs={"name": name, "seed": seed, "learning_rate": 0.1, "dt": 0.1, "batch_size": 8,
               "optimizer": "adam", "precision": 0.2},
    )  # fmt: skip
    gradients = 0.6 + rng.standard_normal((count, probes, n, d))
    mean = gradients.mean(axis=2)
    norm2, signal = (gradients**2).sum(axis=-1), (mean**2).sum(axis=-1)
    noise = (norm2.sum(axis=-1) - n * signal) / (n - 1)
    sharpness = 1 + rng.random((count, probes))
    halves = (slice(0, d // 2), slice(d // 2, d))
    given = {
        "signal": signal,
        "noise": noise,
        "gradient_samples": np.full((count, probes), float(n)),
        "step_size": np.full((count, probes), 0.1),
        "gradient_norm2": norm2,
        "gradient_dot_mean": np.einsum("kpnd,kpd->kpn", gradients, mean),
        "gradient_projection": gradients[..., : SIZES["direction"]],
        "exact_signal": signal,
        "exact_noise": noise,
        "exact_noise_error": 0.02 * noise,
        "exact_draws": np.full((count, probes), float(n)),
        "drawn_samples": np.full((count, probes), 512.0),
        "drawn_groups": np.full((count, probes), 32.0),
        "drawn_ratio": signal / noise,
        "drawn_ratio_error": 0.05 * signal / noise,
        "drawn_signal": signal,
        "drawn_signal_error": 0.05 * signal,
        "drawn_noise": noise,
        "drawn_noise_error": 0.02 * noise,
        "drawn_hessian_samples": np.full((count, probes), 64.0),
        "group_signal": np.stack([(mean[..., h] ** 2).sum(axis=-1) for h in halves], axis=-1),
        "group_noise": np.stack(
            [gradients[..., h].var(axis=2, ddof=1).sum(axis=-1) for h in halves], axis=-1
        ),
        "update_norm2": 2 + rng.random((count, probes, SIZES["client"])),
        "update_dot_mean": 1 + rng.random((count, probes, SIZES["client"])),
        "lambda_max": sharpness,
        "lambda_min": -0.1 * sharpness,
        "curvature_residual": 1e-4 * sharpness,
        "curvature_residual_min": 1e-4 * sharpness,
        "preconditioned_residual": 1e-4 * sharpness,
        "tangent_growth": rng.standard_normal((count, probes)),
        "status": np.zeros(count, np.int8),
        "exit_censored": np.zeros((count, SIZES["event"]), bool),
    }
    for name_, spec in VARIABLES.items():
        shape = tuple(SIZES[dim] for dim in spec.dims)
        values = given.get(name_, 0.2 + 0.6 * rng.random(shape))
        writer.write(name_, np.asarray(values).astype(spec.dtype))
    return writer.finish()
