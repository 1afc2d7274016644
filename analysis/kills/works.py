"""What is killed: a simulation, a training and a sweep in two processes, each a second or so of work."""

from __future__ import annotations

from dataclasses import dataclass

_SIMULATION = """\
name: simulated
seed: 7
arms:
  escape:
    simulate:
      surface: {kind: double-well, barrier: 0.25}
      noise: [{kind: gaussian, diffusion: 0.05}, {kind: stable, alpha: 1.5, scale: 0.1}]
      dt: 0.01
      steps: 400_000
      trajectories: 16
      save_every: 100
      events: [{kind: exit, upper: 0}]
"""
_TRAINING = """\
name: trained
seed: 3
arms:
  real:
    train:
      data: {kind: digits, train: 200, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 10}
      steps: 400
      trajectories: 2
      save_every: 20
probes: {every: 100, samples: 16}
"""
_SWEEP = """\
name: swept
seed: 5
arms:
  bowl:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1, 2]}
      noise: [{kind: gaussian, diffusion: 0.1}]
      dt: 0.1
      steps: 20_000
      trajectories: 8
      save_every: 500
sweep:
  "arms.bowl.simulate.noise[0].diffusion": [0.1, 0.2, 0.4, 0.8]
"""


@dataclass(frozen=True)
class Work:
    """A scenario and the commands that begin it and go on with it.

    Attributes:
        text: of scenario.yaml, which lies in the working directory; the folder is out.
        begin, resume: arguments of the command line.
        workers: whether a process other than the first may be what is killed.
    """

    text: str
    begin: tuple[str, ...]
    resume: tuple[str, ...]
    workers: bool = False


_RUN = ("run", "scenario.yaml", "--out", "out", "--threads", "1", "--quiet")
_GO_ON = ("resume", "out", "--threads", "1", "--quiet")
_SWEPT = ("sweep", "scenario.yaml", "--out", "out", "--workers", "2", "--quiet")
WORKS = {
    "simulation": Work(_SIMULATION, _RUN, _GO_ON),
    "training": Work(_TRAINING, _RUN, _GO_ON),
    "sweep": Work(_SWEEP, _SWEPT, (*_SWEPT, "--resume"), workers=True),
}
