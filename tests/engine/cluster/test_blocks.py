"""Blocks hold a power of two of leaves: work for seconds, results that fit, some for each worker."""

import pytest

from sdesim.engine.cluster.blocks import block_size, branch_size, power_of_two


@pytest.mark.parametrize(
    ("trajectories", "workers", "row", "each", "size"),
    [
        # A minute for each of two workers, a 48th of it 1.25 s: 12,500 trajectories, 2^13 of them.
        (1_200_000, 2, 8.0, 1e-4, 2**13),
        # An hour for each of two, where ten seconds are the most: 10^5, 2^16 of them.
        (72_000_000, 2, 8.0, 1e-4, 2**16),
        # Half a second at least: 5,000, 2^12 of them.
        (80_000, 2, 8.0, 1e-4, 2**12),
        # 3,000 workers whose blocks take 3 ms of the scheduler, a quarter of its time: 36 s, 1.8e5, 2^17.
        (10**9, 3000, 8.0, 2e-4, 2**17),
        # 2^26 bytes at 4,096 and 32 a trajectory: 16,256 of them.
        (10**9, 2, 4096.0, 1e-4, 2**13),
        # A block for each worker, as far as leaves go: 2,500, 2^11 of them.
        (10**7, 4000, 8.0, 1e-9, 2**11),
        (100, 2, 8.0, 10.0, 64),
    ],
)
def test_the_least_of_work_share_and_memory_decides(trajectories, workers, row, each, size):
    class Shape:
        dim = 1

    Shape.trajectories = trajectories

    assert block_size(Shape, workers, row, each) == size


@pytest.mark.parametrize(
    ("blocks", "workers", "sums", "branch"),
    [
        # 16 MiB in all may be sent as they are.
        (64, 2, 2**18, 1),
        # Four times as many: a fourth as often.
        (64, 2, 2**20, 4),
        # Four for each worker at the most, and two branches at least.
        (1024, 2, 2**25, 8),
        (6, 100, 2**25, 2),
        (1, 100, 2**25, 1),
        (64, 2, 0.0, 1),
    ],
)
def test_sums_are_merged_on_the_workers_where_they_are_large(blocks, workers, sums, branch):
    assert branch_size(blocks, workers, sums) == branch


def test_a_block_outweighs_its_sums():
    class Shape:
        dim, trajectories = 1, 1_200_000

    # 80 MB in 8 s, a tenth of it: 80,000 trajectories, 2^16 of them, in place of 2^13.
    assert block_size(Shape, 2, 8.0, 1e-4, sums=8e7) == 2**16


def test_powers_of_two():
    assert [power_of_two(x) for x in (0.0, 0.9, 1, 1.9, 2, 3.99, 4, 1000)] == [1, 1, 1, 1, 2, 2, 4, 512]
