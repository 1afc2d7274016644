"""Stochastic gradient descent, and what it says of its SDE."""

import pytest

from sdesim.optimizers import SGD, Adam, AdamW

torch = pytest.importorskip("torch")


def test_plain_sgd_alone_is_gradient_descent():
    plain = SGD(0.1)

    assert (plain.plain, plain.beside_plain, plain.preconditioner) == (True, (), None)
    assert SGD(0.1, momentum=0.9).beside_plain == ("momentum",)
    assert not SGD(0.1, momentum=0.9).plain
    assert SGD(0.1, weight_decay=1e-3).beside_plain == ("weight_decay",)
    assert (Adam(0.1).plain, Adam(0.1).beside_plain, Adam(0.1).momentum) == (False, ("kind",), 0.0)
    assert (Adam(0.1).preconditioner, Adam(0.1).decoupled_decay, AdamW(0.1).decoupled_decay) == (
        "adam",
        False,
        True,
    )


def test_the_scheme_of_the_sde_follows_the_momentum_and_others_have_none():
    from sdesim.engine.schemes import EulerMaruyama, HeavyBall

    assert isinstance(SGD(0.1).scheme(), EulerMaruyama)
    heavy = SGD(0.1, momentum=0.9, nesterov=True).scheme()
    assert isinstance(heavy, HeavyBall)
    assert (heavy.momentum, heavy.nesterov) == (0.9, True)
    dampened = SGD(0.1, momentum=0.5, dampening=0.1)
    for recipe in (SGD(0.1, weight_decay=0.1), dampened, Adam(0.1), AdamW(0.1)):
        assert recipe.scheme() is None
    assert SGD(0.1, dampening=0.1).scheme() is not None
