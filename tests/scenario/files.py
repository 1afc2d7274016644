"""Scenario files that tests change, and what is answered when one is refused."""

from __future__ import annotations

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import (
    parse_scenario,
)

GOOD = """\
name: small
seed: 3
arms:
  sde:
    simulate:
      surface: {kind: double-well, barrier: 0.25}
      noise:
        - {kind: gaussian, diffusion: 0.1}
        - {kind: stable, alpha: 1.5, scale: 0.05}
      dt: 1e-3
      steps: 100_000
      events: [{kind: exit, upper: 0}]
probes: {every: 1000, samples: 16}
expect:
  - {arm: sde, quantity: exit_time.mean, above: 1}
quick:
  arms.sde.simulate.steps: 100
  expect: []
"""
REAL = """\
name: pair
arms:
  real:
    train:
      data: {kind: digits, train: 100, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 10}
      steps: 20
  twin:
    simulate:
      twin_of: real
      noise: [{kind: gaussian, match: trace}]
probes: {every: 10}
"""


def refused(text: str, **options: object) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "file.yaml", **options)
    return str(caught.value).splitlines()


def changed(old: str, new: str, base: str = GOOD) -> str:
    assert base.count(old) == 1
    return base.replace(old, new)


PATHS = {"SIM": "arms.sde.simulate", "TRAIN": "arms.real.train", "TWIN": "arms.twin.simulate"}


def spelt_out(line: int, message: str) -> str:
    start, dot, rest = message.partition(".") if "." in message else message.partition(":")
    return f"file.yaml:{line}: {PATHS.get(start, start)}{dot}{rest}"


DATA = "data: {kind: digits, train: 60, test: 0, classes: [3, 8]}"
