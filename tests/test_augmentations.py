"""Augmentations by the name of their family are the classes of their home."""

import pytest

from sdesim import augmentations
from sdesim.data.augmentations.base import Base
from sdesim.kinds import kinds_of


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert augmentations.Base is Base
    assert augmentations.Crop is kinds_of("augmentations")["crop"]
    for cls in kinds_of("augmentations").values():
        assert getattr(augmentations, cls.__name__) is cls
        assert cls.__name__ in dir(augmentations)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = augmentations.Unheard
