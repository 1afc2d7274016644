"""Ranks of data parallelism, in processes of their own, are read as the one training that they are."""

import math

import numpy as np
import pytest
import torch

from tests.training.watching import ranked

LOOPS = {
    "one batch": {},
    "accumulated": {"sizes": (4, 4)},
    "accumulated, all passes reduced": {"sizes": (4, 4), "no_sync": False},
    "buckets": {"wrap": {"gradient_as_bucket_view": True}},
    "static": {"wrap": {"static_graph": True}},
    "clipped": {"clip": 1e-3, "rate": 0.0},
    "at rest": {"rate": 0.0},
    "at a budget": {"budget": 0.5, "steps": 60},
}


def train(rank):
    """All loops, one after the other."""
    found = {}
    for name, options in LOOPS.items():
        model, monitor = ranked.data_parallel(rank, **options)
        plain = {key: value for key, value in options.items() if key != "budget"}
        alone, _ = ranked.data_parallel(rank, watched=False, **plain)
        pairs = zip(ranked.weights(model), ranked.weights(alone), strict=True)
        found[name] = {**ranked.told(monitor), "same": all(torch.equal(a, b) for a, b in pairs)}
    return found


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return ranked.start(train, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("loop", LOOPS)
def test_every_rank_has_the_same_readings_and_the_weights_of_a_training_without(ranks, loop):
    first, second = (found[loop] for found in ranks)

    assert first["same"]
    assert second["same"]
    assert len(first["history"]) >= 3
    # As text: NaN is no number that equals itself.
    assert repr(first["history"]) == repr(second["history"])
    assert repr(first["state"]) == repr(second["state"])


@pytest.mark.parametrize(
    ("loop", "sizes"),
    [("one batch", (8,)), ("accumulated", (4, 4)), ("accumulated, all passes reduced", (4, 4)),
     ("buckets", (8,)), ("static", (8,))],
)  # fmt: skip
def test_they_read_what_one_process_reads_of_the_joint_batch(ranks, loop, sizes):
    _, alone = ranked.jointly(sizes=sizes)

    # Sums in float32 in another order, of differences of squares that are ten times larger.
    expected = alone._readings.state()["rows"]
    assert len(expected) == 4
    assert np.allclose(ranks[0][loop]["rows"], expected, rtol=3e-5)
    assert [m[3] for m in ranks[0][loop]["history"]] == [16] * 4


def test_what_clipping_leaves_of_a_mean_tells_the_mean(ranks):
    free, cut = (ranks[0][loop]["rows"] for loop in ("at rest", "clipped"))

    assert all("clipped" in m[4] for m in ranks[0]["clipped"]["history"])
    assert np.allclose([row[3:5] for row in cut[:4]], [row[3:5] for row in free], rtol=3e-5)
    assert all(math.isnan(x) for row in cut for x in row[7:9])
