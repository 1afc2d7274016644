"""A constant learning rate."""

from sdesim.kinds import read
from sdesim.optimizers.learning_rates import Constant


def test_a_constant_rate_needs_no_scheduler():
    assert read("learning_rates", "constant").constant
    assert Constant().total(7) == 7.0
    assert Constant().scheduler(7) is None
