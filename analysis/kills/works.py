"""What is killed: a simulation, a training, a sweep in two processes, an ensemble on a cluster of two.

Each is a second or so of work.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import scenarios

_SIMULATION = scenarios.simulation(200_000, 100)
_TRAINING = scenarios.training(120, 10, "{every: 40, samples: 4}")
_SWEEP = scenarios.sweep(10_000, 500, "[0.1, 0.4]")
_ENSEMBLE = scenarios.simulation(
    3_000, 500, name="spread", arm="wide", seed=9, trajectories=2048,
    further="      reduce: [{kind: moments}]\n",
)  # fmt: skip
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
