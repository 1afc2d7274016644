"""Learning rates by the name of their family are the classes of their home."""

import pytest

from sdesim import learning_rates
from sdesim.kinds import kinds_of
from sdesim.optimizers.learning_rates.base import Base


def test_every_kind_and_the_base_are_found_by_the_name_of_their_family():
    assert learning_rates.Base is Base
    assert learning_rates.Cosine is kinds_of("learning_rates")["cosine"]
    for cls in kinds_of("learning_rates").values():
        assert getattr(learning_rates, cls.__name__) is cls
        assert cls.__name__ in dir(learning_rates)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        _ = learning_rates.Unheard
