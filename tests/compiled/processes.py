"""Code that runs in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import sdesim


def environment(folder):
    root = Path(sdesim.__file__).resolve().parent.parent
    paths = os.pathsep.join([str(folder), str(root)])
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


def run(folder, code, **further):
    known = {**environment(folder), **further}
    done = subprocess.run([sys.executable, "-c", code], env=known, capture_output=True, text=True, check=True)
    return done.stdout.strip()
