"""Known values of Rosenbrock's valley."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import Rosenbrock, hessian


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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Rosenbrock(1), "dim: found 1, allowed: a number of at least 2"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
