"""What an optimizer says that says nothing."""

import pytest

from sdesim.optimizers import Base


def test_what_is_not_said_counts_as_unlike_gradient_descent():
    silent = Base()

    assert (silent.plain, silent.beside_plain, silent.momentum) == (False, ("kind",), 0.0)
    assert (silent.preconditioner, silent.decoupled_decay, silent.scheme()) == (None, False, None)
    with pytest.raises(NotImplementedError, match=r"^Base needs build\(\)$"):
        silent.build([])
