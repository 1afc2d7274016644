"""Small scenarios: a simulated arm alone, and a real arm with its twins."""

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
      steps: 40
      trajectories: 4
      save_every: 10
expect:
  - {arm: sde, quantity: loss, below: 100}
"""
PAIR = """\
name: pair
seed: 5
arms:
  half:
    simulate: {twin_of: real, noise: [{kind: minibatch}], dt: 0.1}
  isotropic:
    simulate: {twin_of: real, noise: [{kind: gaussian, match: trace}]}
  stable:
    simulate:
      twin_of: real
      noise: [{kind: stable, alpha: 1.8, structure: isotropic, match: median}]
      trajectories: 1
  real:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 3, 10], seed: 2}
      optimizer: {kind: sgd, lr: 0.2, batch_size: 8}
      sampling: with-replacement
      steps: 20
      trajectories: 3
      save_every: 5
probes: {every: 10, samples: 8}
compare: {quantities: [loss, test_accuracy]}
"""
