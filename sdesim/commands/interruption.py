"""What is told when a verb is interrupted: how to go on, with the folder by its name."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sdesim.io.places import Place
from sdesim.io.progress import MARK


class InterruptedVerb(Exception):
    """A verb was interrupted; the text says what goes on with it."""


@contextmanager
def interruptible(folder: Place, command: Sequence[str], begun: str = MARK) -> Iterator[None]:
    """Name the command that goes on where the work inside, which writes `folder`, is interrupted.

    Args:
        begun: matches a file that the folder holds as soon as there is something to go on with.

    Raises:
        InterruptedVerb: it was.
    """
    try:
        yield
    except BaseException as error:
        if not is_interruption(error):
            raise
        there = any(folder.glob(begun))
        how = f"{shlex.join(command)} goes on with it" if there else f"nothing was written to {folder}"
        raise InterruptedVerb(f"interrupted; {how}") from None


def is_interruption(error: BaseException | None) -> bool:
    """Whether an error is an interruption, or what Python made of one: a class body's is a RuntimeError."""
    seen: list[BaseException] = []
    # A cause may be one of those that it is the cause of.
    while error is not None and error not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.append(error)
        error = error.__cause__
    return False


def resuming(folder: Place, trust: Sequence[str] = ()) -> list[str]:
    """The command that goes on with a run."""
    return ["sdesim", "resume", str(folder), *(word for module in trust for word in ("--trust", module))]


def same_command_resuming() -> list[str]:
    """The command line as it was given, told to go on."""
    given = sys.argv[1:]
    return ["sdesim", *given, *(["--resume"] if "--resume" not in given else [])]
