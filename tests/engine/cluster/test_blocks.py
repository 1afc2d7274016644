"""Blocks hold a power of two of leaves: work for seconds, results that fit, some for each worker."""

import pytest

from sdesim.engine.cluster.blocks import block_size


@pytest.mark.parametrize(
    ("steps", "trajectories", "workers", "row", "size"),
    [
        # 5e8 updates: 5e5 trajectories of 1,000 steps, 2^18 of them.
        (1000, 10**7, 2, 8.0, 2**18),
        # Four blocks for each of 1,000 workers: 2,500 trajectories, 2^11 of them.
        (1000, 10**7, 1000, 8.0, 2**11),
        # 2^26 bytes at 4,096 and 32 a trajectory: 16,256 of them.
        (1000, 10**7, 2, 4096.0, 2**13),
        # Never less than a leaf.
        (10**6, 100, 2, 8.0, 64),
    ],
)
def test_the_least_of_work_share_and_memory_decides(steps, trajectories, workers, row, size):
    class Shape:
        begin, dim = 0, 1

        class kernel:
            examples = 0

    Shape.steps, Shape.trajectories = steps, trajectories

    assert block_size(Shape, workers, row) == size
