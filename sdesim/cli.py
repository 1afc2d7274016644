"""The command line: parse, call, print. A verb, and everything heavy, is imported when it is asked for."""

from __future__ import annotations

import _thread
import atexit
import errno
import gc
import io
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from sdesim.errors import SdesimError

# What typer makes of a KeyboardInterrupt.
_CTRL_C = 130
# What is imported stays: searching it for garbage after every 700 new objects takes a tenth of a second and
# finds none. A search of all objects still comes after some 200,000 new ones, 80,000 by default.
_COLLECTED = (50_000, 1, 1)


def main() -> None:
    """Entry point: errors of the user become one line and exit code 2; Ctrl-C and SIGTERM 3."""
    gc.set_threshold(*_COLLECTED)
    # A terminal of another encoding is told what it can show; messages are written so by themselves.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # Python's end would search for garbage in all that it is about to throw away.
    atexit.register(gc.freeze)
    if not isinstance(sys.unraisablehook, partial):
        sys.unraisablehook = partial(_unraised, sys.unraisablehook)
    # What stops jobs in queues and containers ends as Ctrl-C does, in good order.
    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        _call()
    except KeyboardInterrupt:
        # Before a verb was reached, or while another interruption was being told.
        from sdesim.commands.options import INTERRUPTED

        _fail("interrupted", INTERRUPTED)


def _call() -> NoReturn:
    import typer

    from sdesim.commands.interruption import InterruptedVerb, is_interruption
    from sdesim.commands.options import BAD_INPUT, INTERRUPTED
    from sdesim.commands.verbs import app

    try:
        code = app(standalone_mode=False)
    except SdesimError as error:
        _fail(str(error), BAD_INPUT)
    except InterruptedVerb as stopped:
        _fail(str(stopped), INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        code = _CTRL_C
    except OSError as error:
        _fail(_words(error), BAD_INPUT)
    except (Exception, SystemExit) as error:
        if hasattr(error, "format_message"):
            _fail(error.format_message(), BAD_INPUT)
        from sdesim.kinds.trust import failed_in

        # A function of others that calls sys.exit(0) has not done what was asked for either.
        said = failed_in(error)
        if is_interruption(error):
            code = _CTRL_C
        elif said:
            _fail(said, BAD_INPUT)
        else:
            raise
    if code == _CTRL_C:
        _fail("interrupted", INTERRUPTED)
    sys.exit(code)


def _words(error: OSError) -> str:
    """What the system refused, and where."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    # Files are written by functions that name them; what is left is where the results are printed.
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return f"can't write the standard output: {error.strerror}" if full else str(error)


def _interrupt(number: int, frame: Any) -> NoReturn:
    # Whoever sends it twice, to the process and to its group, means it once.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _unraised(others: Callable[[Any], Any], told: Any) -> None:
    """An interruption that came where Python raises nothing (a finalizer, what the compiler calls) comes
    again, where it does; it would be printed as a traceback, and lost."""
    if not issubclass(told.exc_type, KeyboardInterrupt):
        others(told)
    elif threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # From here it would be lost like the first one.
        threading.Timer(0.01, _thread.interrupt_main).start()


def _fail(message: str, code: int) -> NoReturn:
    if message:
        from sdesim.io.text import clipped

        first, *others = message.split("\n")
        text = "\n".join(map(clipped, (f"sdesim: {first}", *others)))
        print(_folded(text) if sys.stderr.isatty() else text, file=sys.stderr)
    sys.exit(code)


def _folded(text: str) -> str:
    """Lines broken between words, which a terminal would break within one."""
    import shutil
    import textwrap

    folds = textwrap.TextWrapper(
        shutil.get_terminal_size((80, 24)).columns,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(folds.fill(line) for line in text.splitlines())
