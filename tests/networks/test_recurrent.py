"""Recurrent networks by their recipe."""

import pytest

from sdesim.kinds import Misfit
from sdesim.networks import Recurrent

BAD = [
    ({}, "shape: give vocabulary and context, for tokens, or shape, for signals"),
    ({"vocabulary": 5}, "vocabulary: tokens need vocabulary and context"),
    ({"shape": (1, 4), "vocabulary": 5, "context": 2}, "shape: give vocabulary and context"),
    ({"shape": (1, 4), "embedding": 2}, "embedding: found 2, but there are no tokens"),
    ({"shape": (1, 4), "dropout": 0.5}, "dropout: found 0.5, allowed: 0, a single layer"),
]


@pytest.mark.parametrize(("fields", "message"), BAD)
def test_what_can_not_be_is_refused(fields, message):
    with pytest.raises(Misfit, match=message):
        Recurrent(10, **fields)


def test_every_position_gives_outputs_or_the_last():
    assert Recurrent(10, shape=(2, 7), head="every").output_positions == 7
    assert Recurrent(10, vocabulary=5, context=3, head="every").output_positions == 3
    assert Recurrent(10, shape=(2, 7)).output_positions is None
    assert Recurrent(10, shape=(2, 7)).inputs == 14
