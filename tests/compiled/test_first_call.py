"""The first calls of functions of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from sdesim.compiled.first_call import first_calls
from sdesim.compiled.jit import compiled_in_memory
from sdesim.errors import SdesimError

_START = np.array([1.0, 2.0])


@njit
def _far(x: Any) -> Any:
    return x[5]


def _by_helper(x: Any) -> Any:
    return x[0] + _far(x)


def _itself(x: Any) -> Any:
    return x[0] + x[2]


def _only_beside(x: Any) -> Any:
    return x[int(x[0])]


def _writes(x: Any) -> Any:
    x[1] = 0.0
    return x[0]


def _raises(x: Any) -> Any:
    raise ValueError("no such\nthing")


def _uneven(x: Any) -> Any:
    return [x, x[:1]]


def _draws(x: Any) -> Any:
    return x[0] + (np.random.normal() if x[0] > 100.0 else 0.0)  # noqa: NPY002


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (_itself, r"f takes an index beyond an array at \[1, 2\]"),
        (_by_helper, r"f takes an index beyond an array at \[1, 2\]"),
        (_only_beside, r"f takes an index beyond an array at \[9, 2\]"),
        (_raises, r"f fails at \[1, 2\]: ValueError: no such$"),
        (_uneven, "f gives rows of different lengths"),
        (_writes, "f writes into its argument x, allowed: to read it"),
        (_draws, r"f draws random numbers \(np.random\), allowed: a function of its arguments alone"),
    ],
)
def test_a_function_that_the_engine_cannot_rely_on_is_refused(function: Any, said: str) -> None:
    places = [(_START,), (np.array([9.0, 2.0]),)]

    with pytest.raises(SdesimError, match=said):
        first_calls(compiled_in_memory(function), "f", places)

    assert _START.tolist() == [1.0, 2.0]


def test_two_calls_that_differ_are_refused() -> None:
    class Counting:
        """As compiled code with an outside to it, such as a clock's."""

        def __init__(self) -> None:
            self.calls = 0

        def __call__(self, x: Any) -> float:
            self.calls += 1
            return float(self.calls)

    with pytest.raises(SdesimError, match=r"f gives 2 and then 3 at \[1, 2\]"):
        first_calls(Counting(), "f", [(_START,)])


def test_results_come_back_and_what_is_there_to_be_written_may_be() -> None:
    @compiled_in_memory
    def doubled(x: Any, out: Any) -> Any:
        out[0] = 2.0 * x[0]
        return x[1], np.nan

    out = np.zeros(1)

    found = first_calls(doubled, "f", [(_START, out)], written=(1,))

    assert found[0] == 2.0
    assert np.isnan(found[1])
    assert out[0] == 0.0
    with pytest.raises(SdesimError, match="writes into its argument out"):
        first_calls(doubled, "f", [(_START, out)])
