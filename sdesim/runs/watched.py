"""The folder of a watched training, as it is read: its measurements and how far it has come."""

from __future__ import annotations

import os
import socket
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdesim.errors import RunError, first_line
from sdesim.io.alive import runs
from sdesim.io.lines import read_lines_from
from sdesim.io.places import Place

# Files of such a folder: one line for each measurement, and the run that a closed monitor leaves.
READINGS, RUN = "readings.jsonl", "training.zarr"


@dataclass(frozen=True)
class Watched:
    """What a folder says.

    Attributes:
        readings: measurements as `Measurement.to_dict` gives them, oldest first; the newest, where not all
            are kept. count: how many there are.
        state: "running", "interrupted" (its process is gone), "unknown" (of another machine) or "finished".
        seconds: that the last training has taken up to its last measurement. steps: it has made by then.
        no_run: why the monitor left no run, empty where it left one or goes on.
    """

    readings: list[dict[str, Any]]
    count: int
    state: str
    seconds: float
    steps: int
    no_run: str = ""


class WatchedReader:
    """Reads a folder again and again while it is being written: each time what is new.

    Args:
        folder: of a watched training.
        keep: newest readings to keep; None: all.
    """

    def __init__(self, folder: Path, keep: int | None = None) -> None:
        self._path = folder / READINGS
        self._offset = self._count = 0
        self._readings: deque[dict[str, Any]] = deque(maxlen=keep)
        self._session: dict[str, Any] = {}
        self._begins, self._ended, self._no_run, self._first = False, 0.0, "", 0

    def read(self) -> Watched:
        """What it says now.

        Raises:
            RunError: it holds no measurements, or others than these.
        """
        try:
            for line, offset in read_lines_from(self._path, self._offset):
                self._take(line)
                self._offset = offset
            last = self._ended or self._path.stat().st_mtime
        except OSError as error:
            raise RunError(f"no watched training at {self._path.parent}: {first_line(error)}") from error
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise RunError(f"{self._path} holds no measurements of a training: {error}") from error
        if not self._readings:
            raise RunError(f"{self._path} holds no measurement yet")
        state = "finished" if self._ended else process_state(self._session)
        seconds = max(0.0, last - float(self._session["began"]))
        steps = int(self._readings[-1]["step"]) - self._first
        return Watched(list(self._readings), self._count, state, seconds, steps, self._no_run)

    def _take(self, line: dict[str, Any]) -> None:
        if "session" in line:
            self._session, self._begins, self._ended, self._no_run = line["session"], True, 0.0, ""
        elif "ended" in line:
            self._ended = float(line["ended"])
        elif "no_run" in line:
            self._no_run = str(line["no_run"])
        else:
            self._add(line, int(line["step"]))

    def _add(self, line: dict[str, Any], step: int) -> None:
        if not self._session:
            raise ValueError("no session")
        if self._begins:
            # A training that went on from a checkpoint makes steps again.
            while self._readings and self._readings[-1]["step"] >= step:
                self._readings.pop()
                self._count -= 1
            self._first = self._readings[-1]["step"] if self._readings else 0
            self._begins = False
        self._readings.append(line)
        self._count += 1


def is_watched(folder: Place) -> bool:
    """Whether it is the folder of a watched training."""
    return (folder / READINGS).is_file()


def read_watched(folder: Path) -> Watched:
    """All of it, while it is being written or after.

    Raises:
        RunError: it holds no measurements, or others than these.
    """
    return WatchedReader(folder).read()


def process_state(noted: dict[str, Any]) -> str:
    """Whether the process of this "pid" and "host" still runs: "running", "interrupted" or "unknown"."""
    # On Windows the signal 0 would be Ctrl-C.
    if noted.get("host") != socket.gethostname() or os.name == "nt":
        return "unknown"
    return "running" if runs(int(noted["pid"])) else "interrupted"
