"""What functions are made of: an edit that changes numbers changes the digests, and no other edit does."""

import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import sdesim
from sdesim.compiled import jit
from sdesim.compiled.sources import sources_of


def load(folder, name, text):
    """A module of this text, imported anew from a file in the folder."""
    (folder / f"{name}.py").write_text(textwrap.dedent(text))
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return importlib.import_module(name)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_what_sdesim_itself_ships_needs_no_digests():
    from sdesim.noise import gaussian_kernels

    assert sources_of({"fill": gaussian_kernels.gaussian_diagonal}, ["sdesim.noise.gaussian_kernels"]) == {}


def test_an_edited_function_has_another_digest_and_a_comment_has_not(folder):
    plain = load(folder, "mine", "def f(x):\n    return 2.0 * x\n")
    first = sources_of({"grad": plain.f})
    commented = load(folder, "mine", "# Twice.\n\n\ndef f(x):\n    # The same.\n    return 2.0 * x\n")
    edited = load(folder, "mine", "def f(x):\n    return 3.0 * x\n")

    assert list(first) == ["function grad"]
    assert sources_of({"grad": commented.f}) == first
    assert sources_of({"grad": edited.f}) != first


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("SCALE = 2.0\ndef f(x):\n    return SCALE * x\n", ("2.0", "2.5"), "constant SCALE"),
        ("def g(x):\n    return 2.0 * x\ndef f(x):\n    return g(x)\n", ("2.0", "2.5"), "function g"),
        ("def make(k):\n    return lambda x: k * x\nf = make(2.0)\n", ("2.0", "2.5"), "constant grad.k"),
        ("def f(x, k=2.0):\n    return k * x\n", ("2.0", "2.5"), "function grad"),
        ("import numpy as np\nT = np.ones(3)\ndef f(x):\n    return T[0] * x\n", ("3", "4"), "constant T"),
        (
            "class A:\n    def at(self, x):\n        return 2.0 * x\nf = A().at\n",
            ("2.0", "2.5"),
            "function at",
        ),
    ],
)
def test_what_a_function_reads_is_part_of_it(folder, before, after, word):
    first = sources_of({"grad": load(folder, "mine", before).f})
    second = sources_of({"grad": load(folder, "mine", before.replace(*after)).f})

    assert [name for name in first if first[name] != second.get(name)] == [word]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import numpy as np\nslope = np.sin\n", ("sin", "cos")),
        ("import math as m\n", ("math", "cmath")),
        ("from math import sin as slope\n", ("sin as", "cos as")),
        ("from sdesim.kinds import dump as slope\n", ("dump as", "read as")),
        ("def a(x):\n    return x\ndef b(x):\n    return x\nslope, m = a, b\n", ("a, b\n", "b, a\n")),
        (
            "def a(x):\n    return x\ndef b(x):\n    return -x\nslope, m = (a, b), (a, b)\n",
            ("(a, b), (a", "(b, a), (a"),
        ),
        ("class A: pass\na, b = A(), A()\na.k, b.k = 1, 2\nslope = [a, b, a]\n", ("b, a]", "b, b]")),
    ],
)
def test_a_name_that_stands_for_another_thing_changes_the_digest(folder, before, after):
    use = "def f(x):\n    return slope(x) + m.sqrt(x)\n"
    first = sources_of({"grad": load(folder, "mine", before + use).f})
    second = sources_of({"grad": load(folder, "mine", before.replace(*after) + use).f})

    assert first != second


def test_helper_files_are_followed_through_imports_and_others_are_not(folder):
    (folder / "deeper.py").write_text("OFFSET = 1.0\n")
    (folder / "bystander.py").write_text("X = 1\n")
    load(folder, "helper", "import numpy\nimport json\nfrom deeper import OFFSET\n")
    load(folder, "bystander", "X = 1\n")
    load(folder, "mine", "from helper import OFFSET\n\n\ndef f(x):\n    return x + OFFSET\n")

    found = sources_of({}, ["mine"])

    assert sorted(found) == ["file deeper.py", "file helper.py", "file mine.py"]


def test_a_set_of_words_has_the_same_digest_in_every_process(folder):
    (folder / "mine.py").write_text(
        "NAMES = {'a', 'b', 'c', 'd'}\ndef f(x):\n    return x in NAMES or x in {'p', 'q'}\n"
    )
    code = "import mine; from sdesim.compiled.sources import sources_of; print(sources_of({'f': mine.f}))"

    outputs = {run(folder, code, PYTHONHASHSEED=str(seed)) for seed in range(3)}

    assert len(outputs) == 1


def run(folder, code, **environment):
    root = Path(sdesim.__file__).resolve().parent.parent
    paths = os.pathsep.join([str(folder), str(root)])
    known = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run([sys.executable, "-c", code], env=known, capture_output=True, text=True, check=True)
    return done.stdout.strip()


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


def test_a_function_of_a_session_is_compiled_for_its_process():
    scope = {"sdesim": sdesim}
    exec("@sdesim.compiled\ndef f(x):\n    return 2.0 * x\n", scope)

    assert scope["f"](1.5) == 3.0


def test_the_package_is_the_decorator():
    @sdesim.compiled
    def half(x):
        return 0.5 * x

    assert half(np.float64(3.0)) == 1.5
    assert half.targetoptions == jit.compiled(half.py_func).targetoptions


def test_every_file_with_compiled_code_is_under_the_stamp():
    root = Path(sdesim.__file__).resolve().parent
    words = ("njit", "@compiled", "@inlined")
    holding = {
        f.relative_to(root).parts[0] for f in root.rglob("*.py") if any(w in f.read_text() for w in words)
    }

    assert holding <= set(jit._PACKAGES)
