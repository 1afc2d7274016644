"""Optimizer states are rebuilt as gradients along the path leave them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from sdesim.training.forecasts.forecast import planned
from sdesim.training.forecasts.origin import origin_of
from sdesim.training.forecasts.state import state_rebuilt
from tests.training.forecasts.foretold import KEPT, recipe, trained


def test_at_one_place_running_means_are_those_of_its_gradient():
    made = recipe()
    origin = origin_of(trained()[0], made, None, 0)
    # Its rates are known up to the last step that is asked for.
    scheme = planned(replace(origin, step=2000), 2, 2, 0, 1)[0].scheme
    gradient = scheme.evaluator.gradients(torch.from_numpy(origin.theta[None]))[0].numpy()

    # 2,000 steps are more than are made once more, so that the rest is made good by the constant gradient.
    for step in (KEPT, 2000):
        state = state_rebuilt(scheme, origin.theta[None], np.array([step]), 0, 2, 0)
        means = {"m": gradient * (1 - 0.9**step), "v": gradient**2 * (1 - 0.99**step)}
        for name, expected in means.items():
            np.testing.assert_allclose(state[name].numpy(), [expected, expected], rtol=1e-9, atol=1e-18)


def test_along_a_path_gradients_are_of_the_places_between_saved_points():
    origin = origin_of(trained()[0], recipe(), None, 0)
    scheme = planned(origin, 2, 2, 0, 1)[0].scheme
    path = np.stack([np.zeros_like(origin.theta), origin.theta])
    state = state_rebuilt(scheme, path, np.array([0, 8]), 0, 2, 0)
    expected = np.zeros_like(origin.theta)
    for k in range(8):
        place = torch.from_numpy((k / 8 * origin.theta)[None])
        expected = 0.9 * expected + 0.1 * scheme.evaluator.gradients(place)[0].numpy()

    np.testing.assert_allclose(state["m"].numpy()[0], expected, rtol=1e-9, atol=1e-15)


def test_gradients_by_a_law_of_their_own_are_drawn_by_it():
    made = replace(recipe(10), clip={"value": 1e-3})
    origin = origin_of(trained()[0], made, None, 0)
    scheme = planned(origin, 2, 2, 0, 1)[0].scheme

    state = state_rebuilt(scheme, origin.theta[None], np.array([KEPT]), 10, 2, 0)

    # Means over gradients that are cut down to that.
    assert float(state["m"].abs().max()) <= 1e-3
    assert float(state["m"].abs().max()) > 0
