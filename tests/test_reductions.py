"""Reductions by the name of their family are the classes of their home."""

import pytest

from sdesim import reductions
from sdesim.engine.reductions.base import Base
from sdesim.kinds import kinds_of


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert reductions.Base is Base
    for cls in kinds_of("reductions").values():
        assert getattr(reductions, cls.__name__) is cls
        assert cls.__name__ in dir(reductions)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = reductions.Unheard
