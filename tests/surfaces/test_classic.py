"""Known values of the classic test functions."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import Product, Rosenbrock, Styblinski, hessian


def test_rosenbrock_has_the_published_values():
    surface = Rosenbrock(2)

    assert surface.loss([-1.2, 1.0]) == pytest.approx(24.2)
    assert surface.loss([1.0, 1.0]) == 0.0
    np.testing.assert_allclose(hessian(surface, [1.0, 1.0]), [[802.0, -400.0], [-400.0, 200.0]])
    # Shang and Qiu, "A note on the extended Rosenbrock function" (2006): the local minimum at d = 4.
    local = Rosenbrock(4).minima()[1]
    np.testing.assert_allclose(local, [-0.775659, 0.613093, 0.382063, 0.145972], atol=1e-6)


@pytest.mark.parametrize("dim", [4, 7, 30, 100])
def test_second_minimum_of_rosenbrock_is_one_at_every_size(dim):
    surface = Rosenbrock(dim)

    local = surface.minima()[1]

    np.testing.assert_allclose(surface.grad(local), 0.0, atol=1e-12)
    assert np.linalg.eigvalsh(hessian(surface, local))[0] > 0.3
    assert 3.7 < surface.loss(local) < 3.99


def test_styblinski_has_the_published_minimum_and_names_every_well():
    surface = Styblinski(3)

    minima = surface.minima()

    assert surface.wells == ("lll", "llr", "lrl", "lrr", "rll", "rlr", "rrl", "rrr")
    np.testing.assert_allclose(minima[0], -2.903534, atol=1e-6)
    assert surface.loss(minima[0]) == pytest.approx(3 * -39.16617, abs=1e-4)
    np.testing.assert_array_equal(np.argsort(surface.loss(minima), kind="stable")[[0, -1]], [0, 7])
    assert surface.well([[-1.0, 1.0, 0.1], [3.0, 0.2, -9.0]]).tolist() == [2, 6]


def test_styblinski_counts_wells_by_depth_where_there_are_too_many_to_name():
    surface = Styblinski(11)

    minima = surface.minima()

    assert surface.wells == tuple(str(k) for k in range(12))
    np.testing.assert_allclose(np.diff(surface.loss(minima)), 14.13672, atol=1e-4)
    assert surface.well(minima[5][::-1]) == 5


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
        (lambda: Rosenbrock(1), "dim must be at least 2, got 1"),
        (lambda: Styblinski(0), "dim must be at least 1, got 0"),
        (lambda: Product(1), "depth must be at least 2, got 1"),
    ],
)
def test_wrong_values_are_refused(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
