"""Where users' arguments enter: what they make NumPy and the interpreter raise inside is told in one line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from sdesim.errors import SdesimError, first_line

Call = TypeVar("Call", bound=Callable[..., Any])
# What bad arguments raise deep inside; memory, interruption and faults of ours by assertion are not of them.
OF_ARGUMENTS = (
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    ArithmeticError,
    np.linalg.LinAlgError,
)


def refusing(error: type[SdesimError]) -> Callable[[Call], Call]:
    """A decorator of public functions that call none of the user's.

    Raises (of what is given back):
        error: in place of what NumPy and the interpreter raise for bad arguments; its cause is that.
    """

    def decorated(function: Call) -> Call:
        @functools.wraps(function)
        def met(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except SdesimError:
                raise
            except OF_ARGUMENTS as raised:
                raise error(f"{function.__name__}: {first_line(raised)}") from raised

        return met  # type: ignore[return-value]

    return decorated
