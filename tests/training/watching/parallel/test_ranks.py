"""Ranks of data parallelism, in processes of their own, are read as the one training that they are."""

import math
import warnings
from functools import partial

import numpy as np
import pytest
import torch
import torch.distributed as dist

from sdesim.training.watching.parallel import exchange
from tests.training.watching.parallel import ranked

# Every rank has the same readings of these.
READ = {
    "one batch": ranked.data_parallel,
    "accumulated": partial(ranked.data_parallel, sizes=(4, 4)),
    "accumulated, every pass reduced": partial(ranked.data_parallel, sizes=(4, 4), no_sync=False),
    "unequal parts": partial(ranked.data_parallel, sizes=(2, 6)),
    "buckets": partial(ranked.data_parallel, wrap={"gradient_as_bucket_view": True}),
    "static": partial(ranked.data_parallel, wrap={"static_graph": True}),
    "rounded": partial(ranked.data_parallel, rounded=True),
    "scaled": partial(ranked.data_parallel, scaled=True),
    "at rest": partial(ranked.data_parallel, rate=0.0),
    "clipped": partial(ranked.data_parallel, rate=0.0, clip=1e-3),
    "with a loader": partial(ranked.data_parallel, steps=40, buys=True),
    "at a budget": partial(ranked.data_parallel, steps=40, budget=0.5),
    "by hand": ranked.by_hand,
    "summed by hand": partial(ranked.by_hand, reduced=dist.ReduceOp.SUM),
    "split optimizer": ranked.split_optimizer,
    "sharded": ranked.sharded,
    "sharded, accumulated": partial(ranked.sharded, sizes=(4, 4)),
    "sharded, every pass reduced": partial(ranked.sharded, sizes=(4, 4), no_sync=False),
    "sharded, half precision": partial(ranked.sharded, half=torch.bfloat16),
    "accelerated": ranked.accelerated,
}
# What needs passes of its own is not bought where these would wait for other ranks.
UNBOUGHT = {
    "meeting": (
        partial(ranked.data_parallel, steps=24, buys=True, middle=ranked.Meeting),
        "waits for the others",
    ),
    "sharded, with a loader": (partial(ranked.sharded, steps=24, buys=True), "makes no pass alone"),
}
# These are read in part, or not at all, and say why.
FAILING = {
    "not reduced": (partial(ranked.by_hand, reduced=None), "ranks have different weights"),
    "reduced in part": (partial(ranked.by_hand, left_out=(1,)), "ranks have different weights"),
    "alike": (partial(ranked.by_hand, alike=True), "ranks 0 and 1 have the same gradient"),
    "failing": (partial(ranked.by_hand, fails=(3, 4, 5)), "rank 1: ValueError: no memory for this"),
    "twice": (partial(ranked.by_hand, twice=2), "rank 1"),
    "uneven": (ranked.uneven, "rank 1 was not heard of"),
    "alone": (partial(ranked.by_hand, only=(0,)), "rank 1 of 2 is not watched"),
    # The last: nothing is left to train with.
    "gone": (partial(ranked.by_hand, gone=4), "the process group that the training began with is gone"),
}


def train(rank):
    """All loops, one after the other; and without a watch."""
    found = {}
    told = {**UNBOUGHT, **FAILING}
    for name, loop in {**READ, **{name: loop for name, (loop, _) in told.items()}}.items():
        exchange.PATIENCE = 1.0 if name in ("twice", "uneven") else 60.0
        alone = ranked.weights(loop(rank, watched=False)[0]) if name != "gone" else None
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model, monitor = loop(rank)
        pairs = zip(ranked.weights(model), alone or ranked.weights(model), strict=True)
        found[name] = {
            "same": all(torch.equal(a, b) for a, b in pairs),
            "told": [str(w.message) for w in told if str(w.message).startswith("watch")],
            "reasons": {} if monitor is None else monitor.reasons,
            "bought": [] if monitor is None else monitor.state_dict()["shop"]["sold"],
            "rows": [] if monitor is None else monitor._readings.state()["rows"],
            **({} if monitor is None else ranked.told(monitor)),
        }
    return found


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return ranked.start(train, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("loop", READ)
def test_every_rank_has_the_same_readings_and_the_weights_of_a_training_without(ranks, loop):
    first, second = (found[loop] for found in ranks)

    assert first["same"]
    assert second["same"]
    assert first["reasons"] == {}
    assert len(first["history"]) >= 3
    # As text: NaN is no number that equals itself.
    assert repr(first["history"]) == repr(second["history"])
    assert repr(first["state"]) == repr(second["state"])


@pytest.mark.parametrize(
    ("loop", "sizes"),
    [
        ("one batch", (8,)), ("buckets", (8,)), ("static", (8,)), ("scaled", (8,)), ("by hand", (8,)),
        ("accumulated", (4, 4)), ("accumulated, every pass reduced", (4, 4)), ("unequal parts", (2, 6)),
        ("sharded, accumulated", (4, 4)), ("sharded, every pass reduced", (4, 4)),
    ],
)  # fmt: skip
def test_they_read_what_one_process_reads_of_the_joint_batch(ranks, loop, sizes):
    _, alone = ranked.jointly(sizes=sizes)

    rows, expected = ranks[0][loop]["rows"][:4], alone._readings.state()["rows"]
    # What a step does is read where a rank has all of it.
    known = 7 if loop.startswith("sharded") else len(expected[0])
    assert len(expected) == 4
    # Sums in float32 in another order, of differences of squares that are ten times larger.
    assert np.allclose([row[:known] for row in rows], [row[:known] for row in expected], rtol=3e-5)
    assert {m[3] for m in ranks[0][loop]["history"]} == {16}


def test_two_ranks_with_one_batch_each_are_two_parts(ranks):
    whole, parts = (np.array(ranks[0][loop]["rows"][:4]) for loop in ("one batch", "sharded"))

    # |g|² is that of the same gradient: M + T = |g|² whatever the parts.
    assert np.allclose(parts[:, 3:5].sum(axis=1), whole[:, 3:5].sum(axis=1), rtol=3e-5)
    assert (parts[:, 5] == 2).all()


def test_what_clipping_leaves_of_a_mean_tells_the_mean(ranks):
    free, cut = (ranks[0][loop]["rows"] for loop in ("at rest", "clipped"))

    assert all("clipped" in m[4] for m in ranks[0]["clipped"]["history"])
    assert np.allclose([row[3:5] for row in cut[:4]], [row[3:5] for row in free], rtol=3e-5)
    assert all(math.isnan(x) for row in cut for x in row[7:9])


def test_a_gradient_that_was_rounded_on_its_way_is_flagged_and_nearly_the_same(ranks):
    free, near = (np.array(ranks[0][loop]["rows"]) for loop in ("one batch", "rounded"))

    assert all(m[4] == ("ranks_rounded",) for m in ranks[0]["rounded"]["history"])
    # float16 has 11 bits: 0.05% of a number, 0.1% of |g|², which signal and noise are differences of.
    assert np.allclose(near[0, 3:5], free[0, 3:5], atol=2e-3 * free[0, 3:5].sum())


def test_the_sum_over_ranks_is_a_gradient_of_its_own(ranks):
    once, twice = (ranks[0][loop]["rows"] for loop in ("by hand", "summed by hand"))

    assert once[0][5:7] == twice[0][5:7] == [16, 16]
    assert all(m[4] == () for m in ranks[0]["summed by hand"]["history"])


def test_an_accelerated_loop_is_read_at_its_effective_batch(ranks):
    assert {m[3] for m in ranks[0]["accelerated"]["history"]} == {16}
    assert {row[5] for row in ranks[0]["accelerated"]["rows"]} == {4}


def test_the_first_rank_buys_what_all_of_them_have(ranks):
    first, second = (found["with a loader"]["bought"] for found in ranks)

    assert repr(first) == repr(second)
    assert len(first) >= 1
    assert any("gradient_agreement" in values for _, values in first)


@pytest.mark.parametrize("loop", UNBOUGHT)
def test_no_pass_is_made_that_waits_for_other_ranks(ranks, loop):
    first, second = (found[loop] for found in ranks)

    assert first["same"]
    assert second["same"]
    assert any(UNBOUGHT[loop][1] in why for why in first["reasons"].values())
    assert repr(first["history"]) == repr(second["history"])
    assert repr(first["state"]) == repr(second["state"])
    assert len(first["rows"]) > 10


@pytest.mark.parametrize("loop", FAILING)
def test_what_is_not_read_says_why_and_the_training_is_as_it_was(ranks, loop):
    why = FAILING[loop][1]
    for found in ranks:
        assert found[loop]["same"]
        # Nothing wrong was taken: readings are those of the training by hand, or of its parallel form.
        for row, expected in zip(found[loop]["rows"], ranks[0]["by hand"]["rows"], strict=False):
            assert row[:7] == pytest.approx(expected[:7], rel=3e-5)
    assert why in ranks[0][loop]["reasons"]["step"]
    assert why in ranks[0][loop]["told"][0]
    assert len(ranks[0][loop]["rows"]) <= 5
    # Of several ranks one tells.
    assert ranks[1][loop]["told"] == []
