"""What a user hands to any public function is read, or refused in one line: text, dates, complex numbers, and
whatever else holds no numbers, where numbers belong."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sdesim.errors import SdesimError

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "estimators"))
import bad
from public_calls import CALLS, ELSEWHERE, HOMES, SLOW

# Of no use as an argument that is a word, a count, a function or an object.
OTHERS = {
    "a long text": "x" * 100_000,
    "a text of escapes": "=cmd\x1b]0;title\x07\r\n\x00\ud800",
    "a huge number": 10**400,
    "a huge float": 1e300,
    "a negative number": -1,
    "a half": 0.5,
    "a truth value": True,
    "nothing": None,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "an empty list": [],
    "a learning tensor": torch.ones(2, requires_grad=True),
}
# NumPy warns of what overflows on the way; what counts is the answer.
pytestmark = pytest.mark.filterwarnings("ignore")


def refused(name, argument, made):
    """Whether a call is refused when one argument is replaced; if so, in lines that can be shown."""
    function, arguments = CALLS[name]
    try:
        function(**{**arguments, argument: made})
    except SdesimError as error:
        for line in str(error).split("\n") if hasattr(error, "problems") else [str(error)]:
            assert line.isprintable(), (argument, line)
            assert 0 < len(line) <= 300, (argument, line[:400])
        return True
    return False


def holds_numbers(value):
    numbers = int | float | np.ndarray | list | tuple
    return isinstance(value, numbers) and not isinstance(value, bool) and _is_real(value)


def _is_real(value):
    try:
        return np.asarray(value).dtype.kind in "if"
    except (ValueError, TypeError):
        return False


@pytest.mark.parametrize("name", CALLS)
def test_whatever_is_given_is_read_or_refused_in_one_line(name):
    function, arguments = CALLS[name]
    function(**arguments)
    taken = []
    for argument, valid in arguments.items():
        numbers = holds_numbers(valid)
        shaped = np.asarray(valid, dtype=float) if numbers else np.ones(3)
        shaped = np.full(3, shaped.item()) if shaped.size == 1 else shaped
        for label, make in bad.REFUSED.items():
            if not refused(name, argument, make(shaped)) and numbers:
                taken.append((argument, label))
        odd = () if name in SLOW else (bad.MISSING | bad.ODD).values()
        for made in [*(make(shaped) for make in odd), *OTHERS.values()]:
            refused(name, argument, made)

    assert taken == []


@pytest.mark.parametrize("name", HOMES)
def test_no_public_function_is_left_out(name):
    module = importlib.import_module(f"sdesim.{name}")
    public = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
    functions = {n for n in public if inspect.isfunction(getattr(module, n))}

    tried = {getattr(function, "__name__", "") for function, _ in CALLS.values()}

    assert functions - tried - ELSEWHERE == set()
