"""Which kinds there are, by family and name."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sdesim.errors import SdesimError
from sdesim.kinds import (
    families,
    kind,
    kinds_of,
    names_of,
    read,
)
from tests.kinds.bowls import messages


def test_a_name_alone_stands_for_the_defaults_where_there_are_all():
    assert messages(lambda: read("test-bowls", "bowl")) == "rates: missing"
    assert messages(lambda: read("test-bowls", {"rates": 1})) == "kind: missing"
    assert messages(lambda: read("test-bowls", 7)).startswith("found 7, allowed: a kind of test-bowls")


def test_two_of_a_name_and_classes_that_are_not_frozen_are_refused():
    @dataclass(frozen=True)
    class Other:
        """Another."""

    with pytest.raises(SdesimError, match="two test-bowls are called 'bowl'"):
        kind("test-bowls", "bowl")(Other)
    with pytest.raises(SdesimError, match="frozen dataclass"):
        kind("test-bowls", "third")(dataclass(type("Loose", (), {})))


@pytest.mark.parametrize("family", families())
def test_every_family_lists_and_imports_its_kinds(family):
    assert set(names_of(family)) == set(kinds_of(family))
