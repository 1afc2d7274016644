"""The one small hierarchy of errors that sdesim raises on purpose."""

import traceback
from pathlib import Path

# Letters that another library's words get; they may hold all of a value.
_LONGEST = 160


class SdesimError(Exception):
    """Base of every error that sdesim raises for a reason the user can act on."""


class ScenarioError(SdesimError):
    """A scenario file or a command-line setting is not what it should be."""


class RunError(SdesimError):
    """A run can't be made, stored or read."""


class EstimatorError(SdesimError):
    """An estimator was given arrays or parameters it can't use."""


def first_line(error: BaseException) -> str:
    """What another library's error says, in one line that is not long; its kind where it says nothing."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def failure(error: BaseException) -> str:
    """An error in one line, with its kind where it is not ours."""
    line = first_line(error)
    return line if isinstance(error, SdesimError) else f"{type(error).__name__}: {line}"


def located(error: BaseException) -> str:
    """As `failure`, and where it is not ours, the file and line that raised it."""
    places = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SdesimError) or not places:
        return failure(error)
    return f"{failure(error)} ({Path(places[-1].filename).name}, line {places[-1].lineno})"
