"""What is killed: a simulation, a training, a sweep in two processes, an ensemble on a cluster of two.

Each is a second or so of work.
"""

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
      steps: 200_000
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
      steps: 120
      trajectories: 2
      save_every: 10
probes: {every: 40, samples: 4}
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
      steps: 10_000
      trajectories: 8
      save_every: 500
sweep:
  "arms.bowl.simulate.noise[0].diffusion": [0.1, 0.4]
"""
_ENSEMBLE = """\
name: spread
seed: 9
arms:
  wide:
    simulate:
      surface: {kind: double-well, barrier: 0.25}
      noise: [{kind: gaussian, diffusion: 0.05}, {kind: stable, alpha: 1.5, scale: 0.1}]
      dt: 0.01
      steps: 3_000
      trajectories: 2048
      save_every: 500
      events: [{kind: exit, upper: 0}]
      reduce: [{kind: moments}]
"""
# Stands for the address of a scheduler.
ADDRESS = "ADDRESS"


@dataclass(frozen=True)
class Work:
    """A scenario and the commands that begin it and go on with it.

    Attributes:
        text: of scenario.yaml, which lies in the working directory; the folder is out.
        begin, resume: arguments of the command line.
        workers: whether a process other than the first may be what is killed.
        spread: whether these are of a cluster that was there before, at `ADDRESS`.
        share: of the kills that are asked for.
    """

    text: str
    begin: tuple[str, ...]
    resume: tuple[str, ...]
    workers: bool = False
    spread: bool = False
    share: float = 1.0


_RUN = ("run", "scenario.yaml", "--out", "out", "--threads", "1", "--quiet")
_GO_ON = ("resume", "out", "--threads", "1", "--quiet")
_SWEPT = ("sweep", "scenario.yaml", "--out", "out", "--workers", "2", "--quiet")
WORKS = {
    "simulation": Work(_SIMULATION, _RUN, _GO_ON),
    "training": Work(_TRAINING, _RUN, _GO_ON),
    "sweep": Work(_SWEEP, _SWEPT, (*_SWEPT, "--resume"), workers=True),
    "cluster": Work(
        _ENSEMBLE, (*_RUN, "--cluster", ADDRESS), (*_GO_ON, "--cluster", ADDRESS), workers=True, spread=True
    ),
    # Starting two processes that load everything takes ten times the work.
    "own cluster": Work(
        _ENSEMBLE, (*_RUN, "--cluster", "2"), (*_GO_ON, "--cluster", "2"), workers=True, share=0.1
    ),
}
