"""What a run refuses at its start `validate` refuses too, with file, line and field."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import parse_scenario, run_scenario
from sdesim.scenario.checks.start import RefusedStart, start_problems
from tests.compiled.processes import environment

OWN = '''\
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import sdesim
from sdesim import noises, surfaces, walls
from sdesim.engine.walls.base import WallKernel
from sdesim.noise.kernel import NoiseKernel
from sdesim.surfaces import SurfaceKernel


@sdesim.compiled
def beyond_params(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    out0[0, 0] += params[1]


@sdesim.compiled
def still(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    return


@sdesim.compiled
def moved_wall(x, v, params):
    for w in range(x.shape[1]):
        x[0, w] = max(x[0, w], params[0])
    params[0] += 1.0


@sdesim.compiled
def loss(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[w] = 0.5 * x[0, w] * x[0, w]


@sdesim.compiled
def grad(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[0, w] = 3.0 * x[0, w]


@dataclass(frozen=True)
class Kick(noises.Base):
    """Reads beyond its parameters."""

    sort: ClassVar[str] = "levy"
    function: ClassVar[str] = "beyond_params"

    def kernel(self, dim, dt, learning_rate):
        return NoiseKernel(__name__, self.function, np.ones(1))


@dataclass(frozen=True)
class Still(Kick):
    """Draws nothing."""

    function: ClassVar[str] = "still"


@dataclass(frozen=True)
class Torn(Kick):
    """Can't be made."""

    def kernel(self, dim, dt, learning_rate):
        return {}["no such key"]


@dataclass(frozen=True)
class Floor(walls.Base):
    """Moves."""

    coordinate: int = 0
    lower: float = -1.0
    upper: float | None = None

    def kernel(self):
        return WallKernel(__name__, "moved_wall", np.array([self.lower]))


@dataclass(frozen=True)
class Cup(surfaces.Base):
    """With another's gradient."""

    dim: ClassVar[int] = 1

    def kernel(self):
        return SurfaceKernel(__name__, "grad", "loss", np.ones(1))
'''
ARM = """\
name: {name}
arms:
  sde:
    simulate:
      surface: {surface}
      noise:
        - {{kind: gaussian, diffusion: 0.1}}
        - {{kind: "{noise}"}}
      boundary: [{wall}]
      dt: 0.1
      steps: 1_000_000_000
      save_every: 1_000_000
      trajectories: 4
"""
TWIN = """\
name: twin
arms:
  real:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 3, 10]}
      optimizer: {kind: sgd, lr: 0.2, batch_size: 8}
      steps: 4
  sde:
    simulate:
      twin_of: real
      noise: [{kind: minibatch}, {kind: "own:Kick"}]
"""
WELL = {"surface": "{kind: flat, dim: 1}", "noise": "own:Still", "wall": ""}
# What a file says in place of this, and the line and words that tell of it.
CASES = {
    "noise": ({"noise": "own:Kick"}, "8: arms.sde.simulate.noise[1]: Kick: beyond_params takes an index"),
    "torn": ({"noise": "own:Torn"}, ".py, line 65, in kernel: KeyError: 'no such key'"),
    "wall": ({"wall": '{kind: "own:Floor"}'}, "9: arms.sde.simulate.boundary: moved_wall writes into its"),
    "surface": (
        {"surface": '{kind: "own:Cup"}'},
        "5: arms.sde.simulate.surface: surface Cup: grad is not the gradient of loss",
    ),
}


def test_functions_of_others_are_tried_when_a_file_is_validated_as_when_it_is_run(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    for name, (parts, _) in {**CASES, "fine": ({}, "")}.items():
        (tmp_path / f"{name}.yaml").write_text(ARM.format(name=name, **{**WELL, **parts}))
    (tmp_path / "twin.yaml").write_text(TWIN)
    wanted = {f"{name}.yaml": words for name, (_, words) in CASES.items()}
    wanted["twin.yaml"] = "12: arms.sde.simulate.noise[1]: Kick: beyond_params takes an index"

    def told(*verbs):
        heed = "import sys; from sdesim.cli import main; main()"
        call = [sys.executable, "-c", heed, *verbs, "--trust", "own"]
        done = subprocess.run(call, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
        return done.returncode, done.stderr.splitlines()

    code, lines = told("validate", *wanted, "fine.yaml")
    assert code == 2
    assert len(lines) == len(wanted)
    for line, (file, words) in zip(lines, wanted.items(), strict=True):
        assert file in line
        assert words in line
    assert told("run", "noise.yaml", "--quiet", "--out", "x") == (2, [lines[0]])
    assert told("validate", "fine.yaml", "--quiet") == (0, [])
    assert not (tmp_path / "x").exists()


def test_what_only_a_file_of_data_tells_names_the_line_too(tmp_path):
    (tmp_path / "my.csv").write_text("a,b,y\n1,2,0\n3,inf,1\n5,6,1\n")
    text = """
name: own
arms:
  net:
    train:
      data: {kind: arrays, file: my.csv, test: 0}
      network: {kind: mlp, widths: [2, 3, 2]}
      optimizer: {kind: sgd, lr: 0.1}
      steps: 2
"""
    scenario = parse_scenario(text, folder=tmp_path)

    problems = start_problems(scenario, drawn=False)

    words = "my.csv line 3, column b: found 'inf', allowed: a finite number"
    assert problems == [(("arms", "net", "train", "data", "file"), words)]
    pytest.importorskip("torch")
    with pytest.raises(RefusedStart, match=f"^arms.net.train.data.file: {words}$") as error:
        run_scenario(scenario, tmp_path / "run", progress=False)
    assert isinstance(error.value, ScenarioError)


def test_examples_that_are_drawn_are_made_for_a_run_alone():
    text = """
name: drawn
arms:
  net:
    train:
      data: {kind: mnist-1d, train: 50, test: 10}
      network: {kind: mlp, widths: [40, 3, 10]}
      optimizer: {kind: sgd, lr: 0.1}
      steps: 2
"""
    scenario = parse_scenario(text)

    assert start_problems(scenario, drawn=False) == []
    assert "_made" not in vars(scenario.arms["net"].train.data)
    assert start_problems(scenario) == []
    assert "_made" in vars(scenario.arms["net"].train.data)
