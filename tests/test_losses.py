"""Losses by the name of their family are the classes of their home."""

import pytest

from sdesim import losses
from sdesim.kinds import kinds_of
from sdesim.networks.losses.base import Base


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert losses.Base is Base
    assert losses.MSE is kinds_of("losses")["mse"]
    for cls in kinds_of("losses").values():
        assert getattr(losses, cls.__name__) is cls
        assert cls.__name__ in dir(losses)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = losses.Unheard
