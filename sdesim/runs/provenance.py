"""Where a run came from: versions, source revision, host, time."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from sdesim.errors import RunError
from sdesim.io.files import read_json, read_text
from sdesim.io.places import Place
from sdesim.runs.quantities import packages

# Under which the provenance of a directory notes its scenario.
_SCENARIO = "scenario"
_PACKAGES = ("sdesim", "numpy", "scipy", "numba", "llvmlite", "xarray", "zarr", "scikit-learn", "torch")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages whose numbers enter a run."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def git_commit() -> str:
    """Commit of the source tree, with "+changes" when it was edited; "" outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        top = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
    return top + ("+changes" if changed else "")


def host() -> dict[str, Any]:
    """Facts of the host that can change the last bits or the speed."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def provenance() -> dict[str, Any]:
    """Everything one needs to make the same bits again, beside the scenario and the seed."""
    found = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "versions": versions(),
        "git_commit": git_commit(),
        "host": host(),
    }
    foreign = packages()
    return {**found, "quantities": foreign} if foreign else found


def mark_of(scenario: str) -> dict[str, str]:
    """What the provenance of a directory says of the text of its scenario."""
    return {_SCENARIO: hashlib.sha256(scenario.encode()).hexdigest()}


def kept_scenario(folder: Place) -> str:
    """Text of the scenario that a directory was made of; empty where it holds none.

    Raises:
        RunError: it is not the one that the provenance notes, or can't be read.
    """
    file, noted = folder / "scenario.yaml", folder / "provenance.json"
    text = read_text(file) if file.exists() or file.is_symlink() else ""
    known = read_json(noted).get(_SCENARIO) if noted.exists() else None
    # Earlier versions note none.
    if known is not None and mark_of(text)[_SCENARIO] != known:
        how = "is gone" if not text else "is not the one that was run"
        raise RunError(f"{file} {how}: what stands in {folder} was made of another")
    return text
