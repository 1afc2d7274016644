"""Where trusted code fails, a line says where; no traceback, and no success that it only claims."""

from __future__ import annotations

import subprocess
import sys

import pytest

OBSERVABLE = """
import sys
from dataclasses import dataclass

import sdesim
from sdesim import observables


@sdesim.kind("observables", "late-{name}")
@dataclass(frozen=True)
class Late(observables.Base):
    "Fails once time goes on."

    def values(self, theta, time, surface):
        if time.max() > 1.0:
            {what}
        return theta.max(axis=1)
"""
SCENARIO = """
name: late
arms:
  sde:
    simulate:
      surface: {{kind: quadratic, eigenvalues: [1]}}
      noise: [{{kind: gaussian, diffusion: 0.1}}]
      dt: 0.1
      steps: 20
      trajectories: 2
      observe: {{spread: {{kind: "{name}:Late"}}}}
"""


@pytest.mark.parametrize(
    ("name", "what", "said"),
    [("leaves", "sys.exit(0)", "SystemExit: 0"), ("breaks", "raise KeyError('no')", "KeyError: 'no'")],
)
def test_code_of_others_that_fails_in_the_middle_is_told_with_its_place(tmp_path, name, what, said):
    (tmp_path / f"{name}.py").write_text(OBSERVABLE.format(name=name, what=what), encoding="utf-8")
    (tmp_path / "late.yaml").write_text(SCENARIO.format(name=name), encoding="utf-8")

    # A process of its own: kinds that are registered stay.
    done = subprocess.run(
        [sys.executable, "-c", "from sdesim.cli import main; main()", "run", tmp_path / "late.yaml",
         "--trust", name, "--out", tmp_path / "out", "-q"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("sdesim: ")
    assert line.endswith(f"{name}.py, line 16, in values: {said}")
    assert (tmp_path / "out" / "INCOMPLETE").exists()
