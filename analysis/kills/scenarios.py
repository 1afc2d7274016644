"""Scenarios of a second or so that are killed or starved of disk: the same three, of other lengths."""

from __future__ import annotations


def simulation(
    steps: int, save_every: int, *, name: str = "simulated", arm: str = "escape", seed: int = 7,
    trajectories: int = 16, further: str = "",
) -> str:  # fmt: skip
    """A double well left under Gaussian and stable noise; `further` is one more line of the arm."""
    return f"""\
name: {name}
seed: {seed}
arms:
  {arm}:
    simulate:
      surface: {{kind: double-well, barrier: 0.25}}
      noise: [{{kind: gaussian, diffusion: 0.05}}, {{kind: stable, alpha: 1.5, scale: 0.1}}]
      dt: 0.01
      steps: {steps}
      trajectories: {trajectories}
      save_every: {save_every}
      events: [{{kind: exit, upper: 0}}]
{further}"""


def training(steps: int, save_every: int, probes: str) -> str:
    """Digits learned by a small network from two starts; `probes` as in YAML."""
    return f"""\
name: trained
seed: 3
arms:
  real:
    train:
      data: {{kind: digits, train: 200, test: 50}}
      network: {{kind: mlp, widths: [64, 8, 10]}}
      optimizer: {{kind: sgd, lr: 0.1, batch_size: 10}}
      steps: {steps}
      trajectories: 2
      save_every: {save_every}
probes: {probes}
"""


def sweep(steps: int, save_every: int, diffusions: str) -> str:
    """A bowl at several diffusions, given as a list in YAML."""
    return f"""\
name: swept
seed: 5
arms:
  bowl:
    simulate:
      surface: {{kind: quadratic, eigenvalues: [1, 2]}}
      noise: [{{kind: gaussian, diffusion: 0.1}}]
      dt: 0.1
      steps: {steps}
      trajectories: 8
      save_every: {save_every}
sweep:
  "arms.bowl.simulate.noise[0].diffusion": {diffusions}
"""
