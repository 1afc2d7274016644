"""Laws of jumps by the name of their family are the classes of their home."""

import pytest

from sdesim import jumps
from sdesim.errors import SdesimError
from sdesim.kinds import kinds_of
from sdesim.noise.jumps.base import Base


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert jumps.Base is Base
    for cls in kinds_of("jumps").values():
        assert getattr(jumps, cls.__name__) is cls
        assert cls.__name__ in dir(jumps)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = jumps.Unheard


def test_one_of_ones_own_says_its_draw():
    class Nothing(jumps.Base):
        pass

    assert Nothing().tail_index is None
    assert Nothing().params.size == 0
    with pytest.raises(SdesimError, match="must have function"):
        _ = Nothing().function
