"""The worked package of kinds of one's own, built, installed and run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "analysis" / "plugin_example"
KINDS = {"surfaces": "ring", "noises": "cauchy", "networks": "residual", "data": "spirals"}
SCENARIO = str(PACKAGE / "spirals.yaml")
WRONG = """\
name: wrong
arms:
  ring:
    simulate:
      surface: {kind: ring, dim: 1}
      noise: [{kind: cauchy, scal: 1}]
      dt: 0.05
      steps: 10
"""
# One process for all command lines: most of the time goes into imports.
CALLS = """\
import contextlib, io, json, sys
from sdesim import cli

found = []
for arguments in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["sdesim", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
    found.append({"code": code, "out": out.getvalue(), "err": err.getvalue()})
print(json.dumps(found))
"""


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the package's folder beside sdesim."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=site.parent)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the installed package."""
    folder = tmp_path_factory.mktemp("example") / "site"
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(PACKAGE)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def called(site):
    """What each command line printed, with its exit code."""
    wrong, out = site.parent / "wrong.yaml", str(site.parent / "out")
    wrong.write_text(WRONG)
    lines = {
        "list": ["list", "--kinds", "--json"],
        "explain": ["explain", "ring"],
        "validate": ["validate", SCENARIO],
        "wrong": ["validate", str(wrong)],
        "run": ["run", SCENARIO, "--out", out, "--json"],
    }
    done = python(site, "-c", CALLS, json.dumps(list(lines.values())))
    assert done.returncode == 0, done.stderr
    return dict(zip(lines, json.loads(done.stdout), strict=True))


def test_its_kinds_stand_among_sdesims_own(called):
    listed = json.loads(called["list"]["out"])

    for family, name in KINDS.items():
        assert listed[family][name].endswith(".")
        assert len(listed[family]) > 1


def test_explain_tells_its_fields_its_source_and_its_package(called):
    text = called["explain"]["out"]

    assert text.startswith("ring (surfaces): L = ¼ s (|x|² − 1)²")
    assert "stiffness  number above 0; default 1. s." in text
    assert "Goldstone" in text
    assert "From: sdesim-example 0.3.0" in text
    assert text.endswith("{kind: ring, dim: 3, stiffness: 2}\n")


def test_its_fields_are_checked_with_file_and_line(called):
    found = called["validate"]
    assert (found["code"], found["err"]) == (0, "")
    assert found["out"].startswith(f"{SCENARIO}: valid (net, twin, ring)\n  net: residual")
    assert called["wrong"]["code"] == 2
    one, two = called["wrong"]["err"].splitlines()
    assert one.endswith(
        "wrong.yaml:5: arms.ring.simulate.surface.dim: found 1, allowed: a number of at least 2"
    )
    assert two.endswith(
        "wrong.yaml:6: arms.ring.simulate.noise[0].scal: unknown field, did you mean 'scale'?"
    )


def test_its_scenario_is_trained_measured_compared_and_twinned(called):
    assert called["run"]["code"] == 0, called["run"]["err"]
    summary = json.loads(called["run"]["out"])

    assert {name: arm["kind"] for name, arm in summary["arms"].items()} == {
        "net": "real", "twin": "simulated", "ring": "simulated",
    }  # fmt: skip
    assert all("gradient_scale" in arm["end"] for arm in summary["arms"].values())
    compared = {c["simulated"]: list(c["quantities"]) for c in summary["comparisons"]}
    assert compared["twin"] == ["loss", "gradient_scale"]
    assert "missed" not in [e["outcome"] for e in summary["expectations"]]


def test_its_heavy_tails_are_flagged(called):
    arms = json.loads(called["run"]["out"])["arms"]

    assert "heavy_tail_variance_undefined" in arms["ring"]["end"]["noise"]["flags"]
    assert "jump_infinite" in arms["ring"]["end"]["lyapunov_drift"]["flags"]
    assert "jump_infinite" not in arms["twin"]["end"]["lyapunov_drift"]["flags"]


def test_provenance_names_the_package_and_its_version(called, site):
    noted = json.loads((site.parent / "out" / "provenance.json").read_text())["kinds_of_others"]

    ours = [e for e in noted if e["from"] == "sdesim-example 0.3.0"]
    assert {(e["family"], e["kind"]) for e in ours} == {*KINDS.items(), ("quantities", "gradient_scale")}
    assert all(Path(file).is_relative_to(site.resolve()) for e in ours for file in e["files"])


def test_the_contracts_of_all_kinds_hold_for_its_kinds(site):
    files = [str(ROOT / "tests" / f) for f in ("kinds/test_contracts.py", "noise/test_contract.py")]
    options = ["-q", "-p", "no:cacheprovider", "-k", " or ".join(KINDS.values()), "--rootdir", str(ROOT)]

    done = python(site, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), *options, *files)

    assert done.returncode == 0, done.stdout
    # Two of each kind, and five of the noise.
    assert "13 passed" in done.stdout or done.stdout.count(".") >= 13


SURFACE = """\
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import test_every_surface as every
from sdesim.kinds import read

ring = read("surfaces", {"kind": "ring", "dim": 3, "stiffness": 2})
theta = np.random.default_rng(1).standard_normal((2, 20, 3))
every.test_grad_is_the_central_difference_of_the_loss("ring", ring, theta)
every.test_hvp_is_the_central_difference_of_the_grad("ring", ring, theta)
every.test_shapes_broadcast_over_leading_axes(ring, theta)
every.test_bits_of_the_compiled_twins_do_not_depend_on_the_width_of_the_block(ring)
assert not ring.loss(ring.start) and not ring.grad(ring.start).any()

from sdesim.noise import Stable, increments
cauchy = read("noises", {"kind": "cauchy", "scale": 2})
z = increments(cauchy.kernel(1, 0.1, 0.1), 1, 100_000, 2, seed=1).ravel()
# P(|z| > 0.2 tan(0.4π)) = 0.2, with a standard error of 0.0009 among 200,000.
assert abs(np.mean(np.abs(z) > 0.2 * np.tan(0.4 * np.pi)) - 0.2) < 0.004
assert abs(np.mean(z > 0) - 0.5) < 0.005
"""


def test_its_surface_and_noise_are_what_they_say(site):
    done = python(site, "-c", SURFACE, str(ROOT / "tests" / "surfaces"))

    assert done.returncode == 0, done.stderr
