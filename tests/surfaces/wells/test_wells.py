"""A chain of wells."""

import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import Wells


@pytest.mark.parametrize(
    ("points", "heights", "names", "said"),
    [
        ((0.0, 1.0), (0.0, 1.0), (), "3, 5, 7"),
        ((0.0, 1.0, 2.0), (0.0, 1.0), (), "found 2 numbers, allowed: 3, like points"),
        ((0.0, 2.0, 1.0), (0.0, 1.0, 0.0), (), "allowed: ascending numbers"),
        ((0.0, 1.0, 2.0), (0.0, 1.0, 2.0), (), "above both of its neighbours"),
        ((0.0, 1.0, 2.0), (0.0, 1.0, 0.0), ("a", "a"), "2 different ones"),
    ],
)
def test_wells_that_make_no_chain_are_named(points, heights, names, said):
    with pytest.raises(SdesimError, match=said):
        Wells(points, heights, names)


def test_wells_without_names_are_numbered():
    assert Wells((0.0, 1.0, 2.0), (0.0, 1.0, 0.5)).wells == ("well-1", "well-2")
    assert Wells((0.0, 1.0, 2.0), (0.0, 1.0, 0.5), ("a", "b")).wells == ("a", "b")
