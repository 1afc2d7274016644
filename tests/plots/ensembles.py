"""Small runs with paths and exits, made without a simulation."""

from __future__ import annotations

import numpy as np

from sdesim.runs import RunWriter


def ensemble(theta, name="run", dt=0.5, kind="simulated", exits=None, watched=None):
    """A run of the paths theta (K, T, d); exits: times (K,), NaN where the watch ended first; watched: until
    when (K,), where that was before the end."""
    theta = np.asarray(theta, dtype=float)
    count, steps, dim = theta.shape
    names = ["theta", "loss", "status", "stopped_step"]
    names += [] if exits is None else ["exit_time", "exit_censored"]
    writer = RunWriter(
        kind=kind, trajectories=count, steps=np.arange(steps), time=dt * np.arange(steps), dim=dim, out=None,
        variables=names, events=() if exits is None else ("left",),
        attrs={"name": name, "seed": 0, "learning_rate": dt, "dt": dt},
    )  # fmt: skip
    writer.write("theta", theta)
    writer.write("loss", (theta**2).sum(axis=-1))
    status, stopped = np.zeros(count, np.int8), np.full(count, steps - 1)
    if watched is not None:
        status, stopped = np.full(count, 2, np.int8), np.asarray(watched) / dt
    writer.write("status", status)
    writer.write("stopped_step", stopped)
    if exits is not None:
        writer.write("exit_time", np.asarray(exits, dtype=float)[:, None])
        writer.write("exit_censored", np.isnan(exits)[:, None])
    return writer.finish()
