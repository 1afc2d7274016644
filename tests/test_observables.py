"""Observables by the name of their family are the classes of their home."""

import pytest

from sdesim import observables
from sdesim.engine.observables.base import Base
from sdesim.kinds import kinds_of


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert observables.Base is Base
    for cls in kinds_of("observables").values():
        assert getattr(observables, cls.__name__) is cls
        assert cls.__name__ in dir(observables)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = observables.Unheard
