"""How the columns of B go together, on B's whose answer is known by hand."""

import numpy as np
import pytest

from sdesim import sdes
from sdesim.sdes.structure import structure_of

TILT = 1e-3


def rows(*entries):
    """B (n, d, k) of functions of x (n, d)."""
    return lambda x, t: np.stack(
        [np.stack([np.broadcast_to(f(x), x.shape[:1]) for f in row], axis=-1) for row in entries], axis=1
    )


def nothing(x):
    return 0.0


@pytest.mark.parametrize(
    ("b", "structure"),
    [
        (rows([lambda x: x[:, 0], nothing], [nothing, lambda x: np.cos(x[:, 1])]), "diagonal"),
        # Own noise for each coordinate, but scaled by the other.
        (rows([lambda x: x[:, 1], nothing], [nothing, lambda x: x[:, 0]]), "general"),
        (rows([lambda x: 1.0 + TILT * x[:, 1], nothing], [nothing, lambda x: 1.0]), "general"),
        (rows([lambda x: x[:, 0]], [lambda x: x[:, 1] ** 2]), "commutative"),
        (rows([lambda x: 0.3 * x[:, 0], lambda x: x[:, 0]], [lambda x: x[:, 1], nothing]), "commutative"),
        (rows([lambda x: 1.0, nothing], [nothing, lambda x: x[:, 0]]), "general"),
        # A number at few of the states.
        (rows([lambda x: np.sqrt(x[:, 0] - 1.0), nothing], [nothing, lambda x: 1.0]), "diagonal"),
        (rows([lambda x: np.full(len(x), np.nan), nothing], [nothing, lambda x: 1.0]), "general"),
    ],
)
def test_the_structure_is_that_of_the_functions(b, structure):
    assert structure_of(b, np.array([1.0, 0.5])) == structure


@pytest.mark.parametrize(
    "sde",
    [
        sdes.GeometricBrownian([0.1, 0.2], 0.3),
        sdes.CoxIngersollRoss(1.0, 1.0, 0.5),
        sdes.Heston(0.0, 1.0, 1.0, 0.5, 0.3, 1.0),
        sdes.Heston(0.0, 1.0, 1.0, 0.5, -1.0, 1.0),
        sdes.Heston(0.0, 1.0, 1.0, 0.0, 0.3, 1.0),
    ],
)
def test_what_a_shipped_equation_says_of_its_noise_is_what_differences_find(sde):
    assert sde.structure == structure_of(sde.diffusion_at, sde.start)
