"""What functions are made of: an edit that changes numbers changes the digests, and no other edit does."""

import importlib
import sys
import textwrap

import pytest

from sdesim.compiled.sources import sources_of
from tests.compiled.processes import run


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


def test_a_value_that_answers_to_every_name_is_walked_like_any_other(folder):
    text = """
    class Anything:
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return Anything()


    HELPER = Anything()


    def f(x):
        return HELPER, {factor} * x
    """
    first = sources_of({"grad": load(folder, "mine", text.format(factor=2.0)).f})
    other = sources_of({"grad": load(folder, "mine", text.format(factor=3.0)).f})

    assert first["function grad"] != other["function grad"]
