"""Noises by the name of their family are the classes of their home."""

import pytest

from sdesim import noises
from sdesim.kinds import kinds_of
from sdesim.noise.base import Base


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert noises.Base is Base
    assert noises.Gaussian is kinds_of("noises")["gaussian"]
    for cls in kinds_of("noises").values():
        assert getattr(noises, cls.__name__) is cls
        assert cls.__name__ in dir(noises)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = noises.Unheard
