"""Bowls and saddles."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import Quadratic, hessian


def test_the_hessian_has_the_given_eigenvalues_and_vectors():
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    surface = Quadratic([1.0, 4.0, 0.5], center=0.5, rotation=turn)

    expected = turn @ np.diag([1.0, 4.0, 0.5]) @ turn.T
    np.testing.assert_allclose(hessian(surface, np.zeros(3)), expected, atol=1e-14)
    np.testing.assert_array_equal(surface.start, np.full(3, 0.5))
    assert surface.wells == ("minimum",)
    assert Quadratic([1.0, -1.0]).wells == ()


def test_what_it_is_made_of_can_not_be_changed_from_outside():
    rates = np.array([1.0, 2.0])
    surface = Quadratic(rates)

    rates[0] = 9.0

    assert surface == Quadratic([1.0, 2.0])
    assert surface.loss([1.0, 0.0]) == 0.5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Quadratic([1.0, 2.0], center=[1.0]), "center: found 1 numbers, allowed: one or 2"),
        (lambda: Quadratic([1.0, 2.0], rotation=[[1, 1], [0, 1]]), "orthogonal"),
        (
            lambda: Quadratic([1.0, 2.0], rotation=[[1.0]]),
            r"rotation: found shape \(1, 1\), allowed",
        ),
        (lambda: Quadratic([np.nan]), "eigenvalues: found .* allowed: finite numbers"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
