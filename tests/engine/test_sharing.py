"""Blocks that threads share: every piece once, in order, and nobody waits for long."""

import threading

import numpy as np
import pytest

from sdesim.engine.sharing import share_out, shares


@pytest.mark.parametrize("blocks", [1, 3, 8, 1000])
@pytest.mark.parametrize(("start", "end"), [(0, 10_000), (7, 10_001), (5, 6), (4, 4)])
def test_groups_and_pieces_cover_all_blocks_and_steps_once(blocks, start, end):
    groups, pieces = shares(blocks, 512, start, end, 2)

    np.testing.assert_array_equal(np.concatenate(groups), np.arange(blocks))
    assert [first for first, _ in pieces] + [end] == [start] + [last for _, last in pieces]
    # Increments are drawn for groups of four steps.
    assert all(last % 4 == 0 for _, last in pieces[:-1])


def test_few_large_blocks_are_walked_in_pieces_and_small_ones_in_one():
    assert len(shares(8, 512, 0, 10_000, 2)[1]) == 4
    assert len(shares(8, 512, 0, 100, 2)[1]) == 1
    groups, pieces = shares(10_000, 512, 0, 10_000, 2)
    assert (len(groups), len(pieces)) == (32, 1)


def test_every_group_is_walked_in_order_by_one_thread_at_a_time():
    groups, pieces = [np.array([k]) for k in range(5)], [(0, 4), (4, 8), (8, 9)]
    seen, busy, lock = {k: [] for k in range(5)}, set(), threading.Lock()

    def work(group, first, last):
        k = int(group[0])
        with lock:
            assert k not in busy
            busy.add(k)
        seen[k].append((first, last))
        with lock:
            busy.remove(k)

    share_out(work, groups, pieces, 3)

    assert all(walked == pieces for walked in seen.values())


def test_what_a_thread_raises_comes_out():
    def work(group, first, last):
        raise ValueError("of a thread")

    with pytest.raises(ValueError, match="of a thread"):
        share_out(work, [np.array([0]), np.array([1])], [(0, 4)], 2)
