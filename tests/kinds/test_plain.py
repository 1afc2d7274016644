"""Kinds as plain data and back."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.kinds import (
    dump,
    read,
)
from tests.kinds.bowls import Bowl, Within, messages


def test_plain_data_and_back_and_pickles_and_replace():
    for value in (Bowl([1.0, 2.0], dim=2, shape="flat"), Within(Bowl(3.0), 0.5), Within(Within(Bowl(1.0)))):
        again = read("test-bowls", dump(value))

        assert again == value
        assert hash(again) == hash(value)
        assert pickle.loads(pickle.dumps(value)) == value
        assert replace(value) == value
    assert Bowl(1.0) != Bowl(2.0)
    assert Bowl(1.0) != Within(Bowl(1.0))
    assert dump(Bowl([1, 2], dim=2))["rates"] == [1.0, 2.0]


def test_what_only_python_can_give_no_file_may_name():
    bowl = Bowl(1.0, given=np.ones(3))

    assert pickle.loads(pickle.dumps(bowl)) == bowl
    assert messages(lambda: read("test-bowls", {"kind": "bowl", "rates": 1, "given": 2})).startswith(
        "given: unknown field"
    )
    with pytest.raises(SdesimError, match="holds given"):
        dump(bowl)
