"""Which compiled function, constants and tables a stable law of a given scale gets."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise.levy.kernels import INVERSION, STABLE, cms_kernel, tempered_kernel
from sdesim.stable.sampling.constants import law_constants, shift_to_s1

SCALE = np.array([0.2, 0.5, 0.2])


def test_direct_draws_need_the_law_the_limit_and_each_scale_with_its_shift():
    kernel = cms_kernel(1.5, 0.3, SCALE, True, 4.0)

    assert (kernel.module, kernel.function) == (STABLE, "stable_independent")
    exact = [*law_constants(1.5, 0.3), 4.0, 1.0, 0.0, *SCALE, *shift_to_s1(1.5, 0.3, SCALE)]
    np.testing.assert_array_equal(kernel.params, exact)


def test_each_different_scale_is_tempered_by_a_table_of_its_own():
    kernel = tempered_kernel(1.5, 0.0, 0.5, SCALE, False, np.inf)

    bits, limit, reject = kernel.params[:3]
    scale, shift, first = kernel.params[3:].reshape(3, 3)
    assert (kernel.module, kernel.function) == (INVERSION, "inversion_independent")
    assert (limit, reject) == (np.inf, 0.0)
    np.testing.assert_array_equal(scale, SCALE)
    # Without skew the law is symmetric about 0.
    np.testing.assert_allclose(shift, 0.0, rtol=0, atol=1e-15)
    assert first[0] == first[2] == 0.0
    assert first[1] * 2 == len(kernel.data)
    assert bits == int(bits)


def test_a_coordinate_without_noise_needs_no_table():
    kernel = tempered_kernel(1.5, 0.0, 0.5, np.array([0.0, 0.2]), False, np.inf)

    np.testing.assert_array_equal(kernel.params[3:5], [0.0, 0.2])
    one = tempered_kernel(1.5, 0.0, 0.5, np.array([0.2]), False, np.inf)
    np.testing.assert_array_equal(kernel.data, one.data)
    # No noise at all: nothing to temper.
    assert tempered_kernel(1.5, 0.0, 0.5, np.zeros(2), False, np.inf).module == STABLE


def test_what_can_not_be_tabulated_is_refused():
    with pytest.raises(SdesimError, match="at most 16 different scales, got 17"):
        tempered_kernel(1.5, 0.0, 0.5, np.arange(1.0, 18.0), False, np.inf)
