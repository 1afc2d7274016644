"""Weightings by the name of their family are the classes of their home."""

import pytest

from sdesim import weightings
from sdesim.data.weightings.base import Base
from sdesim.kinds import kinds_of


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert weightings.Base is Base
    assert weightings.Classes is kinds_of("weightings")["classes"]
    for cls in kinds_of("weightings").values():
        assert getattr(weightings, cls.__name__) is cls
        assert cls.__name__ in dir(weightings)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = weightings.Unheard
