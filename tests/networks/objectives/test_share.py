"""Objectives in a scenario."""

from __future__ import annotations

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import parse_scenario

ARM = """
name: two
arms:
  net:
    train:
      data: {{kind: digits, train: 40, test: 20}}
      network: {{kind: mlp, widths: [64, 4, 10]}}
      optimizer: {{kind: sgd, lr: 0.1, batch_size: 10}}
      steps: 5
      objectives: {objectives}
{more}
"""


@pytest.mark.parametrize(
    ("objectives", "more", "said"),
    [
        ("[{target: class, weight: 1}, {target: class, weight: 1}]", "", "allowed: every target once"),
        ("[{target: class, weight: 0}]", "", "at least one weight must be above 0"),
        ("[{target: colour, weight: 1}]", "", "colour"),
        ("[{target: class, weight: 1}]", "      loss: mse", "objectives take the place of loss"),
    ],
)
def test_a_scenario_that_mixes_wrongly_is_refused_in_its_words(objectives, more, said):
    with pytest.raises(ScenarioError, match=said):
        parse_scenario(ARM.format(objectives=objectives, more=more))


def test_a_mixture_has_a_twin_through_torch():
    twin = "  twin: {simulate: {twin_of: net, noise: [{kind: minibatch, law: gaussian}]}}"

    scenario = parse_scenario(ARM.format(objectives="[{target: class, weight: 1}]", more=twin))

    assert scenario.arms["twin"].simulate.twin_of == "net"
