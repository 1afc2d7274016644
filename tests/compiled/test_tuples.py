"""Functions of tuples on blocks: the numbers of the plain function, to the bit in blocks of any width."""

import math

import numpy as np

from sdesim.compiled.tuples import exactly, lifted, states_beside, takes_tuples

NONE = np.zeros((0, 0))
X = np.random.default_rng(0).standard_normal((2, 37))


def turned(t, x):
    return x[0] * x[1] - t * x[0], 3, math.sin(x[1])


def whole(t, x):
    return x.sum(), x[0]


def double(t, x):
    return 2 * x


def on(block, width):
    out = np.empty((3, width))
    block(np.ascontiguousarray(X[:, :width]), np.array([0.7]), NONE, NONE, out)
    return out


def test_a_function_of_tuples_gives_its_own_numbers_in_blocks_of_any_width():
    lines = [f"out[{k}, w] = f[{k}]" for k in range(3)]
    block = lifted(turned, {"x": 2}, lines, by_tuple=True, before="params[0], ")
    by_array = lifted(turned, {"x": 2}, lines, by_tuple=False, before="params[0], ")

    found = on(block, 37)
    assert found.T.tobytes() == np.array([turned(0.7, x) for x in X.T]).tobytes()
    for width in (1, 2, 5, 8):
        assert on(block, width).tobytes() == np.ascontiguousarray(found[:, :width]).tobytes()
    assert on(by_array, 37).tobytes() == found.tobytes()


def test_what_needs_an_array_keeps_it():
    calls = [(0.5, x) for x in states_beside(np.array([1.0, -2.0]))]
    assert takes_tuples(turned, exactly(turned), calls)
    assert not takes_tuples(whole, exactly(whole), calls)
    # Twice a tuple is a longer one.
    assert not takes_tuples(double, exactly(double), calls)
    assert not takes_tuples(turned, exactly(turned), [(0.5, np.zeros(17))])
