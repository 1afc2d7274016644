"""Several targets at once."""

import pytest

from sdesim.kinds import Misfit, read

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"class": 1, "pairity": 1}, "weights.pairity: unknown target, did you mean 'parity'?"),
        ({"class": 0}, "weights: at least one weight must be above 0"),
        ({"class": -1}, "weights.class: found -1, allowed: a number of at least 0"),
        ({}, "weights: found {}, allowed: at least 1 entries"),
    ],
)
def test_a_mixture_that_is_none_is_refused(weights, words):
    with pytest.raises(Misfit) as caught:
        read("losses", {"kind": "mixture", "weights": weights})

    assert str(caught.value) == words
