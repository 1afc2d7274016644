"""Transformers by their recipe: what does not fit is told with both shapes."""

from dataclasses import replace

import pytest

from sdesim.data import Digits, ModularAddition
from sdesim.kinds import Misfit
from sdesim.networks import Transformer

NETWORK = Transformer(5, 2, 5, width=4)


def test_the_width_is_shared_out_among_the_heads():
    with pytest.raises(Misfit, match="width: found 6, allowed: multiples of 4, the heads"):
        Transformer(5, 2, 5, width=6, heads=4)


def test_tokens_context_and_positions_must_be_those_of_the_data():
    pairs = ModularAddition(5, 0.5, encoding="tokens")

    assert list(NETWORK.problems(pairs)) == []
    assert list(replace(NETWORK, vocabulary=7, context=3).problems(pairs)) == [
        (("context",), "found 3, allowed: 2, the features of the data"),
        (("vocabulary",), "found 7, allowed: 5, the tokens of the data"),
    ]
    text = "gives (n, 2, 5) for n examples, allowed: (n, 5), for data with one answer an example"
    assert list(replace(NETWORK, head="every").problems(pairs)) == [(("head",), text)]
    numbers = list(Transformer(5, 64, 10, width=4).problems(Digits(20, 0)))
    assert numbers == [(("vocabulary",), "found 5, but these data hold numbers and no tokens")]
