"""A monitor takes what it needs from a recipe."""

from __future__ import annotations

import pytest
from torch.nn.functional import cross_entropy

from sdesim.errors import RunError
from sdesim.training import Monitor
from tests.training.recipes import DIGITS, NETWORK, recipe, sgd


def test_a_monitor_takes_loss_data_and_batch_size_from_a_recipe():
    optimizer = sgd(NETWORK.parameters())
    settings = {"optimizer": optimizer, "samples": 4, "announce": None}

    one = Monitor(recipe(), **settings).measure()
    other = Monitor(
        NETWORK, cross_entropy, DIGITS, batch_size=10, validation=(DIGITS.x_test, DIGITS.y_test), **settings
    ).measure()

    rows = [{k: str(v) for k, v in m.row().items() if k != "cost_seconds"} for m in (one, other)]
    assert rows[0] == rows[1]
    assert Monitor(recipe(batch_size=None), **settings).measure().batch_size == 60
    with pytest.raises(RunError, match="leave them out beside it"):
        Monitor(recipe(), cross_entropy, **settings)
    with pytest.raises(RunError, match="a recipe with amplify"):
        Monitor(recipe(amplify=2), **settings)
    with pytest.raises(RunError, match=r"give a Recipe, or loss_fn \(or objective\) and loader"):
        Monitor(NETWORK, **settings)
    with pytest.raises(RunError, match="not what makes one, got function"):
        Monitor(recipe(), optimizer=sgd)
