"""Clients of federated averaging by their recipe."""

import pytest

from sdesim.data.clients import Clients
from sdesim.kinds import Misfit, read


def test_minibatches_of_a_round_are_the_local_steps_of_all_clients():
    assert Clients(3, 4, 0.5).minibatches == 12


@pytest.mark.parametrize("field", [{"count": 1}, {"local_steps": 0}, {"concentration": 0}])
def test_numbers_out_of_range_are_refused(field):
    (name,) = field
    with pytest.raises(Misfit, match=f"^{name}: found"):
        read("settings", {"kind": "clients", "count": 2, "local_steps": 1, "concentration": 1, **field})
