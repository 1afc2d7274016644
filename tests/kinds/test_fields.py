"""The fields of a kind: numbers, arrays, and a field that is called as a method is."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pytest

from sdesim.kinds import (
    dump,
    kind,
    read,
)
from sdesim.kinds.schema import kind_schema
from tests.kinds.bowls import Bowl, messages


def test_numbers_of_numpy_and_1e5_are_numbers():
    bowl = Bowl(np.float32(2.0), dim=np.int64(1), tilt=np.float64(0.5), sizes=np.array([3, 4]))

    assert (bowl.rates, bowl.dim, bowl.tilt, bowl.sizes) == (2.0, 1, 0.5, (3, 4))
    assert type(bowl.rates) is float
    assert type(bowl.dim) is int
    assert Bowl(1.0, dim=1e0).dim == 1
    assert Bowl(1, tilt=1).tilt == 1.0


def test_arrays_are_copies_that_can_not_be_written_to():
    rates = np.array([1.0, 2.0])

    bowl = Bowl(rates, dim=2)
    rates[0] = 5.0

    assert bowl.rates[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        bowl.rates[0] = 3.0


@kind("test-words", "spoken")
@dataclass(frozen=True)
class Spoken:
    """A field and a method of one name.

    Args:
        loss: what it is.
    """

    loss_name: Literal["mse", "mae"] = field(default="mse", metadata={"called": "loss"})

    def loss(self) -> str:
        """Something else."""
        return self.loss_name * 2


def test_a_field_may_be_called_as_a_method_is():
    value = Spoken(loss="mae")

    assert value.loss() == "maemae"
    assert dump(value) == {"kind": "spoken", "loss": "mae"}
    assert read("test-words", dump(value)) == value == pickle.loads(pickle.dumps(value)) == replace(value)
    assert value != Spoken()
    assert messages(lambda: Spoken("x")).startswith("loss: found 'x', allowed: mse, mae")
    assert messages(lambda: Spoken(los="mse")) == "los: unknown field, did you mean 'loss'?"
    assert set(kind_schema("spoken", Spoken)["properties"]) == {"kind", "loss"}
