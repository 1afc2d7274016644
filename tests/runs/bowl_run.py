"""A run of gradients Hθ plus white noise, probed as both arms are."""

import numpy as np

from sdesim.runs import RunWriter, probe, probe_rng, projection_directions
from sdesim.runs.schema import CURVATURE_PROBE, EVERY_PROBE, GRADIENT_PROBE, GROUP_PROBE

DIM, SAMPLES, PROBES = 6, 24, 3

CURVATURE = np.diag([1.0, 2.0, 3.0, 0.5, 0.1, -0.2])


class Bowl:
    """Gradient H θ plus white noise."""

    def loss(self, theta):
        return float(0.5 * theta @ CURVATURE @ theta)

    def gradients(self, theta, n, rng):
        return CURVATURE @ theta + 0.3 * rng.standard_normal((n, DIM))

    def hvp(self, theta, v):
        return CURVATURE @ v


def make_run(kind="simulated", out=None, trajectories=2, **attrs):
    steps = np.arange(0, 41)
    writer = RunWriter(
        kind=kind, trajectories=trajectories, steps=steps, time=0.1 * steps, dim=DIM, out=out,
        variables=[
            "loss", "theta", "theta_projection", "status", *EVERY_PROBE, *GRADIENT_PROBE, *GROUP_PROBE,
            *CURVATURE_PROBE,
        ],
        probe_steps=[0, 20, 40], probe_time=[0.0, 2.0, 4.0], samples=SAMPLES, directions=DIM,
        groups=("a", "b"),
        attrs={"name": "bowl", "seed": 1, "learning_rate": 0.1, "batch_size": 8, **attrs},
    )  # fmt: skip
    directions = projection_directions(DIM)
    for k in range(trajectories):
        path = np.cumsum(np.random.default_rng(k).standard_normal((41, DIM)), axis=0)
        writer.write("theta", path, trajectory=k)
        writer.write("theta_projection", path @ directions.T, trajectory=k)
        writer.write("loss", [Bowl().loss(x) for x in path], trajectory=k)
        for at, step in enumerate((0, 20, 40)):
            values = probe(
                Bowl(), path[step], samples=SAMPLES, rng=probe_rng(1, k, step), step_size=0.1,
                directions=directions, groups={"a": slice(0, 2), "b": slice(2, 6)},
            )  # fmt: skip
            for name, value in values.items():
                writer.write(name, value, trajectory=k, probe=at)
    return writer.finish()
