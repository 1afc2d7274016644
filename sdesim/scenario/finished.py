"""Run directories that are finished, held against what was written before something goes on with them."""

from __future__ import annotations

from typing import Any

from sdesim.io.files import content_of, read_json
from sdesim.io.lock import LOCK, clear_dead
from sdesim.io.places import Place
from sdesim.runs.finished import check_finished


def check_folder(folder: Place) -> dict[str, Any]:
    """The summary of a finished run directory, after a pass over all of its arms (see `check_finished`).

    Raises:
        RunError: the summary or an arm is missing or not as it was written.
    """
    file = folder / "summary.json"
    summary = read_json(file)
    # Its scenario may need modules that are not trusted now.
    with content_of(file):
        arms = list(summary["arms"])
    for name in arms:
        check_finished(folder / f"{name}.zarr")
    clear_dead(folder / LOCK)
    return summary
