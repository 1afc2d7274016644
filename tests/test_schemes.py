"""Schemes by the name of their family are the classes of their home."""

import pytest

from sdesim import schemes
from sdesim.engine.schemes.base import Base
from sdesim.kinds import kinds_of


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert schemes.Base is Base
    assert schemes.BAOAB is kinds_of("schemes")["baoab"]
    for cls in kinds_of("schemes").values():
        assert getattr(schemes, cls.__name__) is cls
        assert cls.__name__ in dir(schemes)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = schemes.Unheard
