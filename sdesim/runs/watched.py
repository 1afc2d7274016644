"""The folder of a watched training, as it is read: its measurements and how far it has come."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdesim.errors import RunError
from sdesim.io.lines import read_lines

# Files of such a folder: one line for each measurement, and the run that a closed monitor leaves.
READINGS, RUN = "readings.jsonl", "training.zarr"


@dataclass(frozen=True)
class Watched:
    """What a folder says.

    Attributes:
        readings: measurements as `Measurement.to_dict` gives them, oldest first.
        state: "running", "interrupted" (its process is gone), "unknown" (of another machine) or "finished".
        seconds: that the last training has taken up to its last measurement.
        no_run: why the monitor left no run, empty where it left one or goes on.
    """

    readings: list[dict[str, Any]] = field(default_factory=list)
    state: str = "unknown"
    seconds: float = 0.0
    no_run: str = ""


def is_watched(folder: Path) -> bool:
    """Whether it is the folder of a watched training."""
    return (folder / READINGS).is_file()


def read_watched(folder: Path) -> Watched:
    """Read it, while it is being written or after.

    Raises:
        RunError: it holds no measurements, or others than these.
    """
    path, readings, begun = folder / READINGS, list[dict[str, Any]](), False
    session: dict[str, Any] = {}
    ended, no_run = 0.0, ""
    try:
        for line in read_lines(path):
            if "session" in line:
                session, begun, ended, no_run = line["session"], True, 0.0, ""
            elif "ended" in line:
                ended = float(line["ended"])
            elif "no_run" in line:
                no_run = str(line["no_run"])
            else:
                step = int(line["step"])
                # A training that went on from a checkpoint makes steps again.
                while begun and readings and readings[-1]["step"] >= step:
                    readings.pop()
                begun = False
                readings.append(line)
        last = ended or path.stat().st_mtime
    except OSError as error:
        raise RunError(f"no watched training at {folder}: {error.strerror or error}") from error
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise RunError(f"{path} holds no measurements of a training: {error}") from error
    if not session:
        raise RunError(f"{path} holds no measurement yet")
    state = "finished" if ended else process_state(session)
    return Watched(readings, state, max(0.0, last - float(session["began"])), no_run)


def process_state(noted: dict[str, Any]) -> str:
    """Whether the process of this "pid" and "host" still runs: "running", "interrupted" or "unknown"."""
    # On Windows the signal 0 would be Ctrl-C.
    if noted.get("host") != socket.gethostname() or os.name == "nt":
        return "unknown"
    with suppress(OSError):
        try:
            os.kill(int(noted["pid"]), 0)
        except ProcessLookupError:
            return "interrupted"
    return "running"
