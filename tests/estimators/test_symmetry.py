"""An operator that is no symmetric one is told, and one that is never."""

import numpy as np
import pytest

import sdesim.estimators as est
from sdesim.errors import EstimatorError

DIM = 30


def random(seed):
    return np.random.default_rng(seed).standard_normal((DIM, DIM))


@pytest.mark.parametrize("method", ["lanczos", "magnitude", "power", "power-shifted"])
@pytest.mark.parametrize("seed", range(5))
def test_lambda_max_tells_an_operator_that_is_not_symmetric(method, seed):
    a = random(seed)

    assert "not_symmetric" in est.lambda_max(lambda v: a @ v, DIM, method).flags
    assert "not_symmetric" not in est.lambda_max(lambda v: (a + a.T) @ v, DIM, method).flags


@pytest.mark.parametrize("seed", range(5))
def test_single_precision_is_no_asymmetry(seed):
    a = random(seed)
    single = (a + a.T).astype(np.float32)

    for product in (lambda v: single @ v.astype(np.float32), lambda v: 1e12 * ((a @ a.T) @ v)):
        assert "not_symmetric" not in est.lambda_max(product, DIM).flags


def test_edges_of_a_spectrum_tell_it_too():
    a = random(0)

    assert all("not_symmetric" in e.flags for e in est.spectrum_edges(lambda v: a @ v, DIM, 2).top)
    with pytest.raises(EstimatorError, match="symmetric"):
        est.lanczos_edges(lambda v: a @ v, DIM)
