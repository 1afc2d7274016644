"""An array that does not fit a slice is told with both shapes, and costs no compiled text."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core import event

from sdesim.compiled.jit import compiled_in_memory


@compiled_in_memory
def squares(x, out):
    out[:] = x * x


def test_an_array_that_does_not_fit_is_told_with_both_shapes():
    with pytest.raises(ValueError, match="can't take an array") as found:
        squares(np.ones(3), np.ones(4))

    assert found.value.args[1:] == ((4,), (3,))


def test_what_fits_is_assigned():
    out = np.zeros(3)

    squares(np.array([1.0, 2.0, 3.0]), out)

    np.testing.assert_array_equal(out, [1.0, 4.0, 9.0])


def test_no_function_of_text_is_compiled_for_it():
    with event.install_recorder("numba:compile") as recorded:
        squares(np.ones((2, 3), dtype=np.float32), np.ones((2, 3), dtype=np.float32))

    names = [e.data["dispatcher"].py_func.__module__ for _, e in recorded.buffer]
    assert names
    assert not [name for name in names if "unicode" in name]
