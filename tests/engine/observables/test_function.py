"""Functions that a scenario names: whose code may run, what is told of it, and that a run notes its file."""

import json
import sys

import numpy as np
import pytest

import sdesim
from sdesim import observables
from sdesim.engine.observables.function import Function
from sdesim.errors import ScenarioError, SdesimError
from sdesim.kinds import dump
from sdesim.scenario import load_scenario, run_scenario
from sdesim.scenario.foreign import foreign_kinds
from sdesim.scenario.resuming import resume

MODULE = """\
def squared(t, x):
    return t * x[0] ** 2


LIMIT = 3
"""
TEXT = """\
name: observed
arms:
  well:
    simulate:
      surface: {kind: double-well}
      noise: [{kind: gaussian, diffusion: 0.1}]
      dt: 0.01
      T: 0.5
      trajectories: 3
      save_every: 10
      save: theta
      observe:
        size: norm
        squared: {kind: function, function: "observed_by_me:squared", units: s m^2}
"""


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    # A module of that name may be there from another test's folder.
    monkeypatch.delitem(sys.modules, "observed_by_me", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "observed_by_me.py").write_text(MODULE)
    path = tmp_path / "observed.yaml"
    path.write_text(TEXT)
    return path


def test_a_file_names_observables_and_the_code_that_was_trusted_for_them(scenario, tmp_path):
    with pytest.raises(ScenarioError, match=r"yaml:14: .*squared\.function: .*--trust observed_by_me"):
        load_scenario(scenario)

    read = load_scenario(scenario, trust=["observed_by_me"])
    noted = foreign_kinds(read)
    assert [(e["kind"], e["module"]) for e in noted] == [("observed_by_me:squared", "observed_by_me")]

    run_scenario(read, tmp_path / "out", progress=False)
    run = sdesim.open_run(tmp_path / "out")
    np.testing.assert_allclose(run["squared"], run["time"].values * run["theta"].values[..., 0] ** 2)
    assert run["squared"].attrs["units"] == "s m^2"
    assert (tmp_path / "out" / "report.html").exists()
    told = json.loads((tmp_path / "out" / "provenance.json").read_text())["kinds_of_others"]
    assert [e["kind"] for e in told] == ["observed_by_me:squared"]

    # Goes on, or rather finds all done, with the code where it was, and not without trust.
    (tmp_path / "out" / "INCOMPLETE").touch()
    with pytest.raises(SdesimError, match="allow it with --trust observed_by_me"):
        resume(tmp_path / "out", progress=False)
    resume(tmp_path / "out", progress=False, trust=["observed_by_me"])


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (":squared", ":cubed", 14, "found 'observed_by_me:cubed', but observed_by_me has no function"),
        (":squared", ":LIMIT", 14, "found 'observed_by_me:LIMIT', but observed_by_me has no function"),
        ("observed_by_me:", "", 14, "squared.function: found 'squared', allowed: \"module:function\""),
        ("size: norm", "size: nrom", 13, "size: found 'nrom', allowed: "),
        ("size: norm", "size: {kind: coordinate, coordinate: 4}", 13, "size.coordinate: found 4, allowed"),
        ("size: norm", "loss: norm", 13, "observe.loss: found a name that runs have for something else"),
    ],
)
def test_what_does_not_fit_is_told_at_its_line(scenario, old, new, line, message):
    assert old in TEXT
    scenario.write_text(TEXT.replace(old, new))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(scenario, trust=["observed_by_me"])

    told = next(text for text in str(caught.value).splitlines() if message in text)
    assert f".yaml:{line}: " in told


def test_a_function_of_python_stands_in_no_file():
    with pytest.raises(SdesimError, match="which no file can hold"):
        dump(Function(lambda x: x[0]))
    assert observables.Function("mine:f").function == "mine:f"
    with pytest.raises(SdesimError, match="found 3, allowed"):
        Function(3)
