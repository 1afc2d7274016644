"""The dimension deduced from the tail index."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError


def test_effective_dimension_is_two_with_a_gaussian_part():
    assert est.effective_dimension(100, 1.5, gaussian_part=True).value == 2
    assert est.effective_dimension(100, 1.5).value == 1.5
    assert est.effective_dimension(100, 0.7).value == 1
    assert est.effective_dimension(100, 0.7, method="literal").value == 0.7
    assert est.effective_dimension(1, 1.5, gaussian_part=True).value == 1
    assert est.effective_dimension(3, 1.5).has("hypothetical")


@given(st.integers(1, 100), st.floats(0.1, 2.5))
def test_effective_dimension_lies_between_its_bounds(dim, alpha):
    corrected = est.effective_dimension(dim, alpha).value

    assert min(dim, 1) <= corrected <= min(dim, 2)
    assert est.effective_dimension(dim, alpha, method="literal").value == min(dim, alpha)


def test_effective_dimension_is_two_where_gauss_is_not_rejected():
    e = est.tail_index(np.random.default_rng(10).standard_normal((64, 16)))

    d = est.effective_dimension(16, e)

    assert d.value == 2
    assert d.has("gaussian_not_rejected")
    assert d.has("hypothetical")


def test_a_path_without_coordinates_is_refused():
    with pytest.raises(EstimatorError, match="dim must be at least 1, got 0"):
        est.effective_dimension(0, 1.5)
