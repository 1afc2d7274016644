"""One BLAS thread inside, and as many as before afterwards."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sdesim.io.threads import single_blas_thread


def threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def _several():
    with threadpool_limits(2, user_api="blas"):
        yield


def test_blas_uses_one_thread_within_and_as_many_as_before_without():
    a = np.random.default_rng(0).standard_normal((50, 50))
    before = threads()

    with single_blas_thread():
        inside, product = threads(), a @ a

    assert before == [2] * len(before) != []
    assert inside == [1] * len(before)
    assert threads() == before
    np.testing.assert_allclose(product, np.einsum("ij,jk->ik", a, a), rtol=1e-10, atol=1e-12)


def test_threads_come_back_after_an_error_and_contexts_nest():
    before = threads()

    try:
        with single_blas_thread(), single_blas_thread():
            raise RuntimeError
    except RuntimeError:
        pass

    assert threads() == before
