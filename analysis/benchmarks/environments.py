"""One virtual environment for each peer, made once from pinned requirements, outside the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

REQUIREMENTS = Path(__file__).parent / "requirements"
_SECONDS = 1200


class Missing(Exception):
    """A contestant can't take part; the text says why, in one line."""


def environment(name: str, say: Callable[[str], None]) -> Path:
    """The Python of a peer's environment, installing it first where it is new.

    Raises:
        Missing: the installation failed.
    """
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    digest = hashlib.sha256(f"{sys.version}{sys.prefix}{text}".encode()).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("sdesim")) / "benchmarks" / f"{name}-{digest}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / "ready"
    if ready.exists():
        return python
    say(f"installing the environment of {name} into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    _call([sys.executable, "-m", "venv", str(folder)])
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _call([*install, "--requirement", str(REQUIREMENTS / f"{name}.txt")])
    ready.touch()
    return python


def _call(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"not installed: {str(error).splitlines()[0]}") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit {done.returncode}"]
        errors = [line for line in lines if line.lower().startswith("error")]
        raise Missing(f"not installed: {(errors or lines)[-1].strip()}")
