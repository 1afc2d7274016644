"""The product of layers."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import Product, hessian


def test_sharpness_of_the_product_is_least_at_the_balanced_minimum():
    surface = Product(3)
    unbalanced = np.array([4.0, 0.5, 0.5])

    assert surface.loss(unbalanced) == 0.0
    assert np.linalg.eigvalsh(hessian(surface, unbalanced))[-1] == pytest.approx(1 / 16 + 4 + 4)
    assert np.linalg.eigvalsh(hessian(surface, surface.minima()[0]))[-1] == pytest.approx(3.0)
    np.testing.assert_array_equal(surface.grad([0.0, 0.0, 5.0]), 0.0)
    np.testing.assert_array_equal(surface.grad([0.0, 2.0, 5.0]), [-10.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Product(1), "depth: found 1, allowed: a number of at least 2"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
