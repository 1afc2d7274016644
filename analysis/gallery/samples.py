"""Runs that the gallery draws: small, seeded, made when they are first asked for."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import sdesim
from sdesim import events, noise, surfaces
from sdesim.comparison.sweep_table import SweepTable
from sdesim.shipped import study

WELL = surfaces.DoubleWell(dim=2, barrier=0.25)
D = 0.1
_LAWS = {"Gaussian": noise.Gaussian(diffusion=0.06), "α-stable, α = 1.5": noise.Stable(alpha=1.5, scale=0.1)}


@cache
def in_the_well() -> dict[str, Any]:
    """Gaussian and α-stable noise in a double well of two dimensions."""
    return {
        name: sdesim.simulate(
            WELL, law, dt=0.01, steps=4000, trajectories=30, seed=3, save_every=10, progress=False
        )
        for name, law in _LAWS.items()
    }


@cache
def at_rest() -> Any:
    """Langevin dynamics in a double well, long enough for its stationary law."""
    return sdesim.simulate(
        WELL, noise.Gaussian(diffusion=D), dt=0.01, steps=20_000, trajectories=64, seed=1, save_every=100,
        progress=False,
    )  # fmt: skip


@cache
def leaving() -> dict[str, Any]:
    """Exits over the top of a double well, watched to the end."""
    well = surfaces.DoubleWell(barrier=0.25)
    laws = {
        "Gaussian": (noise.Gaussian(diffusion=0.1), 40_000),
        "α-stable": (noise.Stable(1.5, 0.15), 80_000),
    }
    return {
        name: sdesim.simulate(
            well, law, dt=0.01, steps=steps, trajectories=400, seed=7, save_every=steps // 10,
            events=[events.Exit(upper=0.0)], progress=False,
        )
        for name, (law, steps) in laws.items()
    }  # fmt: skip


@cache
def samples() -> dict[str, Any]:
    """Gaussian and stable samples."""
    rng = np.random.default_rng(0)
    return {"Gaussian": rng.standard_normal(4000), "stable, α = 1.6": noise.sample_stable(1.6, 0.0, 4000, 1)}


@cache
def trained() -> dict[str, Any]:
    """A network on digits, and two SDEs that should imitate it."""
    import torch

    from sdesim import training
    from sdesim.data import digits

    net, data, loss = training.mlp([64, 16, 10], seed=0), digits(1000, 400), torch.nn.CrossEntropyLoss()
    real = training.record(
        net, loss, data, None, lambda params: torch.optim.SGD(params, lr=0.3), steps=400, batch_size=16,
        trajectories=4, seed=1, sampling="with-replacement", probes=sdesim.Probes(every=40), save_every=4,
        progress=False,
    )  # fmt: skip
    arms = training.twins(real, net, loss, data, noises=["minibatch", "isotropic"], progress=False)
    return {"real SGD": real, "minibatch SDE": arms["minibatch"], "isotropic SDE": arms["isotropic"]}


@cache
def measured() -> dict[str, Any]:
    """Measurements of `trained`."""
    return {name: sdesim.measure(run) for name, run in trained().items()}


@cache
def network() -> Any:
    """The loss of the network of `trained`."""
    from sdesim.data import digits

    data = digits(1000, 400)
    return surfaces.MLP([64, 16, 10], data.x_train, data.y_train, loss="cross_entropy")


@cache
def watched() -> Any:
    """A monitored training."""
    import torch

    from sdesim import training
    from sdesim.data import digits

    data = digits(1000, 400)
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    pairs = torch.utils.data.TensorDataset(x, y)
    loader = torch.utils.data.DataLoader(
        pairs, batch_size=32, shuffle=True, generator=torch.Generator().manual_seed(0)
    )
    net, loss = training.mlp([64, 16, 10], seed=0), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    monitor = training.Monitor(net, loss, loader, optimizer=optimizer, every=32)
    for _ in range(10):
        for a, b in loader:
            optimizer.zero_grad()
            loss(net(a), b).backward()
            optimizer.step()
            monitor.step()
    return monitor


_DESCENT = """
name: descent
seed: 3
arms:
  descent:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}
      noise: [{kind: gaussian, diffusion: 0.1}]
      theta0: 1.0
      dt: 0.02
      steps: 100
      trajectories: 4
      save_every: 10
      learning_rate: 0.1
    probes: {every: 20, samples: 64}
sweep:
  "arms.descent.simulate.noise[0].diffusion": [0.03, 0.1, 0.3, 1.0, 3.0]
  "arms.descent.simulate.learning_rate": [0.02, 0.05, 0.1, 0.2, 0.5]
"""


@cache
def map_of_descent() -> SweepTable:
    """A descent over the size of its noise and the learning rate at which it is read."""
    from sdesim.scenario import load_sweep, run_sweep

    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "descent.yaml", Path(folder) / "sweep"
        file.write_text(_DESCENT, encoding="utf-8")
        run_sweep(load_sweep(str(file)), out, progress=False)
        return SweepTable.of(json.loads((out / "table.json").read_text(encoding="utf-8")))


@cache
def orders() -> dict[str, tuple[Any, Any, Any]]:
    """Weak errors of E x² of two schemes on dx = −x dt + √2 dW, whose law at every step is known exactly."""
    dts, end = np.array([0.4, 0.2, 0.1, 0.05]), 2.0
    exact = 1.0 - np.exp(-2.0 * end)
    found = {}
    for name in ("euler-maruyama", "heun"):
        errors, ses = [], []
        for dt in dts:
            run = sdesim.simulate(
                surfaces.Quadratic([1.0]), noise.Gaussian(diffusion=1.0), theta0=0.0, dt=dt,
                steps=round(end / dt), trajectories=200_000, seed=5, scheme=name, save_every=1_000_000,
                progress=False,
            )  # fmt: skip
            squares = run["theta"].values[:, -1, 0] ** 2
            errors.append(abs(squares.mean() - exact))
            ses.append(squares.std() / np.sqrt(len(squares)))
        found[name] = (dts, np.array(errors), np.array(ses))
    return found


@cache
def claims() -> list[dict[str, Any]]:
    """The ledger of claims that is stored with the code."""
    found: list[dict[str, Any]] = study("claims").stored()["claims"]
    return found
