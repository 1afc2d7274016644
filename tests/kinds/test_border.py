"""What bad arguments raise inside of a public function is one line of its own error."""

import pickle

import numpy as np
import pytest

from sdesim import stable
from sdesim.errors import RunError, SdesimError
from sdesim.kinds.border import refusing


@refusing(RunError)
def halved(x, factor=1):
    """x/2."""
    if x is None:
        raise SdesimError("x: missing")
    if x == "memory":
        raise MemoryError
    return x / 2 * factor


def test_what_is_right_comes_through():
    assert halved(3.0, factor=2) == 3.0
    assert halved.__doc__ == "x/2."


def test_what_goes_wrong_is_one_line_with_its_cause():
    with pytest.raises(
        RunError, match=r"^halved: unsupported operand type\(s\) for /: 'str' and 'int'$"
    ) as told:
        halved("a")
    assert isinstance(told.value.__cause__, TypeError)
    with pytest.raises(RunError, match=r"^halved: halved\(\) got an unexpected keyword argument"):
        halved(1.0, facter=2)


def test_errors_of_our_own_and_those_of_no_argument_are_left_as_they_are():
    with pytest.raises(SdesimError, match=r"^x: missing$") as told:
        halved(None)
    assert type(told.value) is SdesimError
    with pytest.raises(MemoryError):
        halved("memory")


def test_public_functions_go_to_other_processes():
    assert pickle.loads(pickle.dumps(stable.pdf)) is stable.pdf
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(stable.cdf))(0.0, 2.0), 0.5)
