"""Whether a process of this machine still runs."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

# States of /proc of what has ended and that nobody has waited for: it keeps its number until somebody does,
# which in a container without an init may be never.
_ENDED = ("Z", "X", "x")


def runs(pid: int) -> bool:
    """Whether the process of this number does; True where that can't be known.

    Not for Windows, where to ask would be Ctrl-C.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return not is_zombie(pid)


def is_zombie(pid: int) -> bool:
    """Whether the process of this number has ended and nobody has waited for it yet; False where there is
    no /proc to tell."""
    with suppress(OSError):
        # Its name, in brackets, may hold brackets and blanks.
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        return state.decode() in _ENDED
    return False


def is_this_machine(host: str) -> bool:
    """Whether a lock's host is this one; in a container the lock library adds the namespace of numbers."""
    name, _, namespace = host.partition("?pidns-")
    if name != socket.gethostname():
        return False
    with suppress(OSError):
        return not namespace or int(namespace, 16) == os.stat("/proc/self/ns/pid").st_ino
    return not namespace
