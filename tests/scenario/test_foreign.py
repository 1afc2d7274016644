"""Code and data of one's own beside a scenario: modules behind --trust, files by relative paths."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sdesim
from sdesim import cli
from sdesim.errors import RunError, ScenarioError
from sdesim.io.files import read_json, write_record
from sdesim.kinds import dump
from sdesim.runs import open_run
from sdesim.scenario import load_scenario, load_sweep, run_scenario, run_sweep

ROOT = Path(sdesim.__file__).parent.parent
PARTS = '''\
"""What the network is made of."""
import torch
from torch import nn


class Sine(nn.Module):
    def forward(self, x):
        return torch.sin(x)
'''
MYNET = '''\
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt
from torch import nn

import mynet_parts
from sdesim.compiled.jit import compiled
from sdesim.kinds import kind
from sdesim.surfaces import Base, SurfaceKernel


class Net(nn.Module):
    """One layer of sines.

    Args:
        width: of it.
    """

    def __init__(self, width: int = 3):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, width), mynet_parts.Sine(), nn.Linear(width, 2))

    def forward(self, x):
        return self.layers(x)


@dataclass(frozen=True)
class Bowl(Base):
    """½ rate x².

    Args:
        rate: its curvature.
    """

    rate: Annotated[float, Gt(0)] = 1.0
    dim: ClassVar[int] = 1

    def kernel(self):
        return SurfaceKernel(__name__, "grad", "loss", np.array([self.rate]), hvp="hvp")


@kind("surfaces", "mynet-cup")
@dataclass(frozen=True)
class Cup(Bowl):
    """A bowl with a name of its own."""


class NoKind:
    pass


@compiled
def loss(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[w] = 0.5 * params[0] * x[0, w] * x[0, w]


@compiled
def grad(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[0, w] = params[0] * x[0, w]


@compiled
def hvp(x, v, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[0, w] = params[0] * v[0, w]
'''
TEXT = """\
name: mine
seed: 5
arms:
  net:
    train:
      data: {kind: arrays, file: data/my.csv, target: y, test: data/held.csv}
      network: {kind: "mynet:Net", width: 3, seed: 2}
      optimizer: {kind: sgd, lr: 0.2, batch_size: 4}
      sampling: with-replacement
      steps: 8
      trajectories: 3
      save_every: 2
  twin:
    simulate: {twin_of: net, noise: [{kind: gaussian, match: trace}]}
  bowl:
    simulate: {surface: {kind: "mynet:Bowl", rate: 2}, theta0: 1, dt: 0.1, steps: 8}
probes: {every: 4, samples: 6}
compare: {quantities: [loss]}
expect:
  - {arm: net, quantity: loss, above: 0}
  - {arm: net, quantity: C_alpha, above: -100}
"""
SWEPT = """\
name: swept
arms:
  net:
    train:
      data: {kind: arrays, file: data/my.csv, target: y, test: data/held.csv}
      network: {kind: "mynet:Net", width: 3}
      optimizer: {kind: sgd, lr: 0.2, batch_size: 4}
      steps: 4
      save_every: 2
sweep:
  arms.net.train.network.width: [2, 3]
"""


def rows(seed: int, count: int) -> str:
    x = np.random.default_rng(seed).normal(size=(count, 2))
    return "a,b,y\n" + "".join(f"{a!r},{b!r},{int(a > b)}\n" for a, b in x.tolist())


def fill(folder: Path) -> Path:
    """A folder with a scenario, a module, its helper and data."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "my.csv").write_text(rows(0, 24))
    (folder / "data" / "held.csv").write_text(rows(1, 12))
    (folder / "mynet.py").write_text(MYNET)
    (folder / "mynet_parts.py").write_text(PARTS)
    (folder / "mine.yaml").write_text(TEXT)
    (folder / "swept.yaml").write_text(SWEPT)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of the module that this process imports."""
    return fill(tmp_path_factory.mktemp("mine"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every call is made in another folder than the scenario's."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "mine"
    return out, run_scenario(load_scenario(folder / "mine.yaml", trust=["mynet"]), out, progress=False)


def call(*arguments: str) -> int:
    """The exit code of one command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["sdesim", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    return int(stop.value.code or 0)


def in_a_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from sdesim.cli import main; main()"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("verb", ["run", "validate", "sweep"])
def test_without_trust_a_module_is_refused_in_one_line_that_says_how_to_allow_it(folder, verb, capsys):
    file = folder / "swept.yaml"

    code = call(verb, str(file), *([] if verb == "validate" else ["--out", "out"]))

    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sdesim: {file}:6: arms.net.train.network.kind: found 'mynet:Net'")
    assert line.endswith("which runs the code of mynet: allow it with --trust mynet")
    assert not Path("out").exists()


def test_a_network_and_a_surface_of_ones_own_are_trained_measured_compared_and_twinned(whole):
    out, summary = whole

    assert {name: arm["kind"] for name, arm in summary["arms"].items()} == {
        "net": "real", "twin": "simulated", "bowl": "simulated",
    }  # fmt: skip
    assert [e["outcome"] for e in summary["expectations"]] == ["met", "met"]
    assert "C_alpha" in summary["arms"]["net"]["mean"]
    compared = {c["simulated"]: list(c["quantities"]) for c in summary["comparisons"]}
    assert compared["twin"] == ["loss"]
    net, twin = (open_run(out / f"{name}.zarr") for name in ("net", "twin"))
    assert net.attrs["dim"] == twin.attrs["dim"] == 2 * 3 + 3 + 3 * 2 + 2
    # The twin begins with the network's weights and descends its loss.
    assert np.array_equal(net["theta"].values[:, 0], twin["theta"].values[:, 0])
    np.testing.assert_allclose(twin["loss"].values[:, 0], net["loss"].values[:, 0], rtol=1e-12)
    assert "test_accuracy" in net
    assert open_run(out / "bowl.zarr")["theta"].values[0, 1, 0] == pytest.approx(0.8)


def test_provenance_names_the_modules_with_the_digests_of_their_files(whole, folder):
    out, _ = whole

    noted = json.loads((out / "provenance.json").read_text())["kinds_of_others"]

    found = {(e["family"], e["kind"]): e for e in noted if e["from"] == "module mynet"}
    assert set(found) == {("networks", "mynet:Net"), ("surfaces", "mynet:Bowl")}
    files = found["networks", "mynet:Net"]["files"]
    assert [Path(f).name for f in files] == ["mynet.py", "mynet_parts.py"]
    assert Path(next(iter(files))).parent == folder.resolve()
    assert all(len(digest) == 64 for digest in files.values())


def test_a_resolved_scenario_holds_absolute_places_and_reads_back(whole, folder):
    out, _ = whole

    again = load_scenario(out / "scenario.yaml", trust=["mynet"])

    data = again.arms["net"].train.data
    assert (data.file, data.test) == tuple(
        str((folder / "data" / f).resolve()) for f in ("my.csv", "held.csv")
    )
    assert again == load_scenario(folder / "mine.yaml", trust=["mynet"])


@pytest.fixture
def interrupted(folder, tmp_path):
    """A run that was stopped in its second seed."""

    def stop(arm, done, total):
        if done > 10:
            raise KeyboardInterrupt

    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        run_scenario(load_scenario(folder / "mine.yaml", trust=["mynet"]), out, progress=stop)
    return out


def test_resume_needs_the_trust_again_and_goes_on_to_the_same_numbers(whole, interrupted, capsys):
    code = call("resume", str(interrupted))

    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "sdesim: this run uses the code of mynet: allow it with --trust mynet"
    # A process that has imported nothing yet, in a folder of its own.
    done = in_a_process("resume", str(interrupted), "--trust", "mynet", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("net", "twin", "bowl"):
        a, b = open_run(whole[0] / f"{name}.zarr"), open_run(interrupted / f"{name}.zarr")
        np.testing.assert_array_equal(a["theta"].values, b["theta"].values)


@pytest.mark.parametrize("file", ["mynet.py", "mynet_parts.py"])
def test_resume_refuses_code_that_was_edited_before_any_of_it_runs(folder, tmp_path, file):
    copy = fill(tmp_path / "copy")
    out = tmp_path / "out"
    shutil.copytree(folder / "data", copy / "data", dirs_exist_ok=True)
    out.mkdir()
    (out / "INCOMPLETE").touch()
    shutil.copy(copy / "mine.yaml", out / "scenario.yaml")
    files = {str(copy / name): _sha256(copy / name) for name in ("mynet.py", "mynet_parts.py")}
    entry = {"family": "networks", "kind": "mynet:Net", "from": "module mynet", "module": "mynet"}
    (out / "provenance.json").write_text(json.dumps({"kinds_of_others": [{**entry, "files": files}]}))
    (copy / file).write_text("raise SystemExit('ran')\n")

    with pytest.raises(RunError, match=rf"{file}, which mynet:Net is made of, was edited since"):
        sdesim.resume(out, trust=["mynet"])
    (copy / file).unlink()
    with pytest.raises(RunError, match=r"is gone since this run was begun"):
        sdesim.resume(out, trust=["mynet"])


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_sweep_takes_the_module_to_its_workers_and_resumes_with_the_same_code_only(folder):
    sweep = load_sweep(folder / "swept.yaml", trust=["mynet"])

    run_sweep(sweep, "out", workers=2, progress=False)

    dims = {p.name: open_run(p / "net.zarr").attrs["dim"] for p in Path("out/points").iterdir()}
    assert dims == {"width=2": 12, "width=3": 17}
    # As if a helper had been edited after the first point.
    noted = Path("out/points/width=2/provenance.json")
    now = _sha256(folder / "mynet_parts.py")
    told = json.dumps(read_json(noted))
    assert told.count(now) == 1
    write_record(noted, json.loads(told.replace(now, "0" * 64)))
    with pytest.raises(RunError, match=r"mynet_parts.py, which mynet:Net is made of, was edited since"):
        run_sweep(sweep, "out", resume=True, progress=False)


def changed(folder: Path, name: str, **replaced: str) -> Path:
    """The sweep's scenario with other words, as another file there."""
    text = SWEPT[: SWEPT.index("sweep:")]
    for old, new in replaced.items():
        text = text.replace(old, new)
    file = folder / f"{name}.yaml"
    file.write_text(text)
    return file


WRONG = {
    "Loose": ("mynet:NoKind", "NoKind is neither a kind of networks nor a torch.nn.Module"),
    "Missing": ("mynet:Nett", "but mynet has no class Nett"),
    # Whether it is one of surfaces, no one may have asked yet.
    "Bowl": ("mynet:Bowl", " kind of networks"),
    "Cup": ("mynet:Cup", "Cup of mynet is no kind of networks: it is one of surfaces"),
    "Other": ("mynot:Net", "which runs the code of mynot: allow it with --trust mynot"),
}


@pytest.mark.parametrize(("kind", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_network_is_refused_in_one_line(folder, kind, message):
    file = changed(folder, "wrong", **{"mynet:Net": kind})

    with pytest.raises(ScenarioError) as caught:
        load_scenario(file, trust=["mynet"])

    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{file}:6: arms.net.train.network.kind: found {kind!r}")
    assert message in line


def test_fields_of_a_class_of_ones_own_are_checked_as_ours_are(folder):
    for old, new, message in (
        ("width: 3", "wdth: 3", "wdth: unknown field, did you mean 'width'?"),
        ("width: 3", "width: wide", "width: found 'wide', allowed: a whole number"),
    ):
        file = changed(folder, "fields", **{old: new})

        with pytest.raises(ScenarioError) as caught:
            load_scenario(file, trust=["mynet"])

        assert str(caught.value) == f"{file}:6: arms.net.train.network.{message}"


def test_a_kind_that_a_trusted_module_registers_is_known_by_its_own_name(folder):
    text = (
        "name: cup\narms:\n  cup:\n    simulate: {surface: {kind: mynet-cup, rate: 3}, dt: 0.1, steps: 2}\n"
    )
    (folder / "cup.yaml").write_text(text)

    surface = load_scenario(folder / "cup.yaml", trust=["mynet"]).arms["cup"].simulate.surface

    assert dump(surface) == {"kind": "mynet-cup", "rate": 3.0}
    assert surface.loss([2.0]) == pytest.approx(6.0)
    done = in_a_process("validate", str(folder / "cup.yaml"))
    assert done.returncode == 2
    assert "found 'mynet-cup', allowed: " in done.stderr


def test_a_trusted_module_hides_no_installed_one_and_may_not_end_the_program(tmp_path):
    (tmp_path / "mystop.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "colorsys.py").write_text("raise RuntimeError\n")
    (tmp_path / "myneed.py").write_text("import not_there_at_all\n")
    words = {
        "mystop": "mystop can't be imported: SystemExit: 0",
        "colorsys": "has the name of a module of Python's own",
        "myneed": "myneed can't be imported: it needs not_there_at_all, which can't be found",
    }
    sys.modules.pop("colorsys", None)
    for module, message in words.items():
        text = f'name: x\narms:\n  a:\n    simulate: {{surface: "{module}:X", dt: 0.1, steps: 2}}\n'
        (tmp_path / "x.yaml").write_text(text)

        with pytest.raises(ScenarioError) as caught:
            load_scenario(tmp_path / "x.yaml", trust=[module])

        assert message in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_explain_says_what_a_class_of_ones_own_takes(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)

    assert call("explain", "mynet:Net", "--trust", "mynet") == 0

    said = capsys.readouterr().out
    assert said.startswith("mynet:Net (networks): One layer of sines.")
    assert "width  whole number; default 3. of it." in said
    assert "From: module mynet" in said
    assert call("explain", "mynet:Net") == 2
    assert "allow it with --trust mynet" in capsys.readouterr().err


def test_trust_counts_for_one_call_and_a_module_for_one_folder(folder, tmp_path):
    load_scenario(folder / "swept.yaml", trust=["mynet"])
    copy = fill(tmp_path / "copy")

    with pytest.raises(ScenarioError, match="allow it with --trust mynet"):
        load_scenario(folder / "swept.yaml")
    with pytest.raises(ScenarioError, match="has the name of a module that is loaded already"):
        load_scenario(copy / "swept.yaml", trust=["mynet"])


def test_a_surface_whose_gradient_is_wrong_is_refused_before_anything_is_written(tmp_path):
    slip = MYNET.replace("out[0, w] = params[0] * x[0, w]", "out[0, w] = 3.0 * params[0] * x[0, w]")
    slip = slip.replace('"mynet-', '"slips-')
    (tmp_path / "slips.py").write_text(slip[: slip.index("class Net")] + slip[slip.index("@dataclass") :])
    (tmp_path / "mynet_parts.py").write_text(PARTS)
    (tmp_path / "slips.yaml").write_text(
        'name: slips\narms:\n  bowl:\n    simulate: {surface: {kind: "slips:Cup"}, dt: 0.1, steps: 8}\n'
    )
    scenario = load_scenario(tmp_path / "slips.yaml", trust=["slips"])

    words = r"^arms.bowl.simulate.surface: surface Cup: grad is not the gradient of loss: at theta = \[.*\], "
    with pytest.raises(ScenarioError, match=words):
        run_scenario(scenario, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_resume_takes_an_edited_module_where_that_is_accepted(folder, tmp_path):
    """The copy of a run that was interrupted before its first arm, and a helper that got a comment since."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "INCOMPLETE").touch()
    text = TEXT[: TEXT.index("  net:")] + TEXT[TEXT.index("  bowl:") : TEXT.index("probes:")]
    (out / "scenario.yaml").write_text(text)
    now = {str(folder / name): _sha256(folder / name) for name in ("mynet.py", "mynet_parts.py")}
    before = {**now, str(folder / "mynet_parts.py"): "0" * 64}
    entry = {"family": "surfaces", "kind": "mynet:Bowl", "from": "module mynet", "module": "mynet"}
    (out / "provenance.json").write_text(json.dumps({"kinds_of_others": [{**entry, "files": before}]}))

    with pytest.raises(RunError, match="was edited since this run was begun: --accept-changes goes on"):
        sdesim.resume(out, trust=["mynet"], progress=False)
    assert call("resume", str(out), "--trust", "mynet", "-q") == 2
    with pytest.warns(UserWarning, match=r"mynet_parts.py, which mynet:Bowl is made of, was edited since"):
        summary = sdesim.resume(out, trust=["mynet"], progress=False, accept_changes=True)
    assert list(summary["arms"]) == ["bowl"]
