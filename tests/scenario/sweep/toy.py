"""A small scenario with a sweep over it."""

from __future__ import annotations

TOY = """\
name: toy
seed: 5
arms:
  sde:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1, 2]}
      noise: [{kind: gaussian, diffusion: 0.1}]
      dt: 0.1
      steps: 20
      trajectories: 4
      save_every: 10
expect:
  [{arm: sde, quantity: loss, below: 100}, {arm: sde, quantity: loss, above: 0}]
sweep:
  "arms.sde.simulate.noise[0].diffusion": [0.1, 0.4]
  arms.sde.simulate.dt: [0.05, 0.1]
"""
ONE = TOY.replace("  arms.sde.simulate.dt: [0.05, 0.1]\n", "")
