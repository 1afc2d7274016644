"""Penalties by their recipe: values, and the parameters that they are of."""

import pytest

from sdesim.kinds import kinds_of, read
from sdesim.networks.penalties import L1, L2

torch = pytest.importorskip("torch")

NAMED = {
    "0.weight": torch.tensor([[1.0, -2.0]], dtype=torch.float64),
    "0.bias": torch.tensor([3.0], dtype=torch.float64),
}


def test_every_penalty_is_its_formula():
    # ½·0.1·(1 + 4 + 9) and 0.1·(1 + 2 + 3).
    found = {name: float(cls(0.1).total(NAMED)) for name, cls in kinds_of("penalties").items()}

    assert found == {"l1": pytest.approx(0.6), "l2": pytest.approx(0.7)}


def test_a_pattern_chooses_by_name_and_one_that_fits_nothing_is_told():
    assert float(L2(0.1, "*weight").total(NAMED)) == pytest.approx(0.25)
    assert read("penalties", {"kind": "l1", "factor": 2, "match": "*bias"}) == L1(2.0, "*bias")
    text = "found 'head*', which fits none of the network's parameters: 0.weight, 0.bias"
    assert L1(1.0, "head*").misfit(NAMED) == text
    assert L1(1.0, "0.*").misfit(NAMED) == ""
