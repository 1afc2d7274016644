"""A scenario run that was interrupted goes on to the same numbers."""

from __future__ import annotations

import json
import shutil
import sys
from unittest.mock import ANY

import numpy as np
import pytest

import sdesim
from sdesim import cli
from sdesim.engine import checkpoint
from sdesim.errors import RunError
from sdesim.io.files import read_json
from sdesim.io.progress import MARK
from sdesim.runs import open_run
from sdesim.scenario import parse_scenario, run_scenario

TEXT = """\
name: two
seed: 5
arms:
  real:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 3, 10], seed: 2}
      optimizer: {kind: sgd, lr: 0.2, batch_size: 8}
      sampling: with-replacement
      steps: 20
      trajectories: 2
      save_every: 5
  twin:
    simulate: {twin_of: real, noise: [{kind: minibatch}]}
probes: {every: 10, samples: 8}
compare: {quantities: [loss]}
expect:
  - {arm: twin, quantity: loss, below: 100}
"""
ARMS = ("real", "twin")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "two"
    return out, run_scenario(parse_scenario(TEXT), out, quick=True, progress=False)


def interrupted(out, where, after):
    """The same run, stopped in an arm after so many steps."""

    def stop(arm, done, total):
        if arm == where and done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_scenario(parse_scenario(TEXT), out, quick=True, progress=stop)


# Within the second seed of the real arm, 20 steps each; within the twin, without and with a state kept.
@pytest.mark.parametrize(
    ("arm", "after", "seconds"), [("real", 27, 10.0), ("twin", 6, 10.0), ("twin", 6, 0.0), ("twin", 0, 0.0)]
)
def test_an_interrupted_run_goes_on_to_the_same_numbers(whole, tmp_path, monkeypatch, arm, after, seconds):
    monkeypatch.setattr(checkpoint, "_SECONDS", seconds)
    interrupted(tmp_path / "two", arm, after)
    assert (tmp_path / "two" / "twin.zarr.checkpoint").exists() == (seconds == 0.0)

    found = sdesim.resume(tmp_path / "two", progress=False)

    out, expected = whole
    for name in ARMS:
        a, b = open_run(out / f"{name}.zarr"), open_run(tmp_path / "two" / f"{name}.zarr")
        assert set(a.data_vars) == set(b.data_vars)
        for variable in a.data_vars:
            np.testing.assert_array_equal(a[variable].values, b[variable].values, err_msg=variable)
    for key in ("arms", "comparisons", "expectations", "warnings", "quick"):
        assert _settled(found[key]) == _settled(expected[key]), key
    assert {p.name for p in (tmp_path / "two").iterdir()} == {p.name for p in out.iterdir()}


def _settled(value):
    """As JSON, without what no two runs agree in."""
    text = json.dumps(value, default=str)
    plain = json.loads(text)
    if isinstance(plain, dict):
        for arm in plain.values():
            for name in ("wall_time", "training_seconds", "probe_seconds", "probe_share", "progress_seconds"):
                arm.pop(name, None)
    return json.dumps(plain)


def test_a_finished_run_is_left_as_it_is(whole):
    out, _ = whole
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}

    found = sdesim.resume(out)

    assert found == read_json(out / "summary.json")
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == before


def test_what_is_no_run_to_go_on_with_is_named(tmp_path):
    (tmp_path / "sweep" / "points").mkdir(parents=True)
    for name in ("sweep", "early"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "INCOMPLETE").write_text("")

    told = {"nothing": "not a run directory", "sweep": "of a sweep", "early": "run that again"}
    for name, said in told.items():
        with pytest.raises(RunError, match=said):
            sdesim.resume(tmp_path / name)


def test_the_command_goes_on_and_tells_the_outcome(tmp_path, monkeypatch, capsys):
    interrupted(tmp_path / "two", "twin", 6)
    monkeypatch.setattr(sys, "argv", ["sdesim", "resume", str(tmp_path / "two"), "--json"])

    with pytest.raises(SystemExit) as stopped:
        cli.main()

    assert stopped.value.code == 0
    assert json.loads(capsys.readouterr().out)["expectations"][0]["outcome"] == "met"


def test_an_arm_or_a_directory_that_is_taken_as_finished_is_looked_at_and_damage_is_one_line(whole, tmp_path):
    out = tmp_path / "two"
    shutil.copytree(whole[0], out)
    assert sdesim.resume(out) == whole[1] | {"wall_time": ANY}
    chunk = next(p for p in sorted((out / "real.zarr" / "loss").rglob("*")) if p.parent.name == "0")
    damage(chunk)

    with pytest.raises(RunError, match=rf"{chunk.parent.parent.parent.parent}.* damaged.* rerun {out}$"):
        sdesim.resume(out)

    (out / MARK).touch()
    with pytest.raises(RunError, match=rf"is damaged.* or remove {out / 'real.zarr'}, and resume runs"):
        sdesim.resume(out, progress=False)
    shutil.rmtree(out / "real.zarr")
    sdesim.resume(out, progress=False)
    assert _settled(sdesim.resume(out)["arms"]) == _settled(whole[1]["arms"])


def damage(chunk):
    content = bytearray(chunk.read_bytes())
    content[3] ^= 4
    chunk.write_bytes(content)
