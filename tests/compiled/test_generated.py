"""Modules written at run time, under a stamp of all that they are made of."""

import math
import sys

import pytest

from sdesim.compiled.generated import cache_folder, generated_module
from tests.compiled.processes import run

KERNEL = """
import sdesim
from helper import scale

@sdesim.compiled
def grad(x):
    return scale(x)
"""


HELPER = """
from numba import njit
from constants import FACTOR

@njit({options})
def scale(x):
    return FACTOR * x
"""


USE = """
import kernels
from sdesim.compiled.generated import generated_module
text = "from sdesim.compiled.jit import compiled\\nfrom kernels import grad\\n"
module = generated_module(text + "\\n@compiled\\ndef twice(x):\\n    return grad(grad(x))\\n")
print(module.twice(1.0), kernels.grad(1.0), sum(kernels.grad.stats.cache_hits.values()))
"""


@pytest.mark.parametrize("options", ["", "cache=True"])
def test_an_edit_two_files_away_never_runs_old_machine_code(tmp_path, options):
    (tmp_path / "kernels.py").write_text(KERNEL)
    (tmp_path / "helper.py").write_text(HELPER.format(options=options))
    caches = {"NUMBA_CACHE_DIR": str(tmp_path / "numba"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    found = []

    for factor in (2.0, 2.0, 3.0):
        (tmp_path / "constants.py").write_text(f"FACTOR = {factor}\n")
        found.append(run(tmp_path, USE, **caches))

    assert found == ["4.0 2.0 0", "4.0 2.0 1", "9.0 3.0 0"]


def test_one_text_is_one_module_and_its_file_is_named_after_it(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *args: str(tmp_path))
    text = "from math import pi\nTWICE = 2 * pi\n"

    first, again, other = (generated_module(t) for t in (text, text, text.replace("2", "3")))

    assert first is again
    assert (2 * math.pi, 3 * math.pi) == (first.TWICE, other.TWICE)
    assert sys.modules[first.__name__] is first
    found = {path.stem: path.read_text() for path in (tmp_path / "kernels").glob("*.py")}
    assert found[first.__name__] == text
    assert len(found) == 2


def test_a_module_with_names_put_into_it_is_private_to_the_call(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *args: str(tmp_path))

    one, other = (generated_module("RESULT = given + 1\n", {"given": k}) for k in (1, 5))

    assert (one.RESULT, other.RESULT) == (2, 6)
    assert one.__name__ not in sys.modules


def test_where_the_cache_can_not_be_written_a_temporary_folder_is_used(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *args: str(tmp_path / "file"))

    folder = cache_folder()

    assert folder.is_dir()
    assert folder.name.startswith("sdesim-kernels-")
    assert cache_folder() == folder


NOWHERE = """
import resource
from pathlib import Path

import sdesim
from sdesim.errors import RunError
from sdesim.scenario import parse_scenario, parse_sweep, run_scenario, run_sweep

TEXT = '''
name: toy
arms: {sde: {simulate: {surface: {kind: flat, dim: 1}, dt: 1, steps: 2}}}
sweep: {arms.sde.simulate.dt: [1, 2]}
'''
# No file takes a byte, so that none of the usual folders serves for temporary files.
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
for call in (
    lambda out: run_scenario(parse_scenario(TEXT), out, progress=False),
    lambda out: run_sweep(parse_sweep(TEXT), out, progress=False),
    lambda out: sdesim.simulate(sdesim.surfaces.Flat(1), dt=1, steps=2, out=out, progress=False),
):
    try:
        call("out")
    except RunError as error:
        print(str(error).partition(" (No usable")[0], Path("out").exists(), sep="; ")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_without_a_home_and_temporary_files_nothing_is_begun(tmp_path):
    (tmp_path / "file").write_text("")
    home = str(tmp_path / "file" / "home")

    told = run(tmp_path, NOWHERE, HOME=home, XDG_CACHE_HOME=home)

    kept = f"neither the user's cache ({home}/sdesim/kernels) nor a temporary folder can be written"
    assert told.splitlines() == [f"no folder for compiled code: {kept}; False"] * 3
