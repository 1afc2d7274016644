"""What every network says."""

from dataclasses import dataclass

import pytest

from sdesim.errors import SdesimError
from sdesim.networks import Base

torch = pytest.importorskip("torch")


def test_a_network_may_not_hide_what_every_network_says():
    with pytest.raises(SdesimError, match="Bad has a field dim, by which every network says its number"):

        @dataclass(frozen=True)
        class Bad(Base):
            dim: int = 64
