"""A small scenario file, and the exit code of one command line."""

from __future__ import annotations

import sys

import pytest

from sdesim import cli

TOY = """\
name: toy
description: A bowl.
arms:
  sde:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1]}
      noise: [{kind: gaussian, diffusion: 0.1}]
      dt: 0.1
      steps: 20
      trajectories: 4
expect:
  - {arm: sde, quantity: loss, below: 100}
quick:
  arms.sde.simulate.steps: 4
"""


def call(*arguments: str) -> int:
    """The exit code of one command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["sdesim", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    return int(stop.value.code or 0)
