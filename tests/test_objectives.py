"""Objectives by the name of their family are the classes of their home."""

import pytest

from sdesim import objectives
from sdesim.kinds import kinds_of
from sdesim.networks.objectives.base import Base


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert objectives.Base is Base
    assert objectives.Parity is kinds_of("objectives")["parity"]
    for cls in kinds_of("objectives").values():
        assert getattr(objectives, cls.__name__) is cls
        assert cls.__name__ in dir(objectives)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = objectives.Unheard
