"""What happens to the lanes of a block beside their steps, as plain Python."""

import numpy as np

from sdesim.engine.kernels import block


def plain(function):
    """The function before compilation."""
    return function.py_func


def test_only_entries_that_are_not_finite_are_bad():
    assert plain(block.count_bad)(np.array([[1.0, np.inf], [np.nan, -2.0]])) == 2


def test_a_lane_that_is_not_finite_is_marked_and_emptied_alone():
    x, code, stopped = np.array([[1.0, np.inf], [2.0, 3.0]]), np.zeros(2, dtype=int), np.zeros(2, dtype=int)

    assert plain(block.isolate)(x, code, stopped, 7) == 1
    assert code.tolist() == [block.RUNNING, block.DIVERGED]
    assert stopped.tolist() == [0, 7]
    assert x[:, 0].tolist() == [1.0, 2.0]
    assert np.isnan(x[:, 1]).all()


def test_the_first_exit_is_noted_and_a_stopped_lane_stays_there():
    x, held = np.array([[0.5, 2.0]]), np.zeros((1, 2))
    code, stopped, exits = np.zeros(2, dtype=int), np.zeros(2, dtype=int), np.full((1, 2), -1)

    assert plain(block.watch_exits)(x, held, code, stopped, exits, np.array([[-1.0, 1.0, 0.0, 1.0]]), 4) == 1
    x[:] = 9.0
    plain(block.keep_stopped)(x, held, code)

    assert exits.tolist() == [[-1, 4]]
    assert code.tolist() == [block.RUNNING, block.STOPPED]
    assert x.tolist() == [[9.0, 2.0]]
