"""The command line: what it loads, and its version."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

import pytest

import sdesim
from sdesim import cli
from tests.commands.calling import call


def modules_after(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom sdesim import cli\n"
        f"sys.argv = ['sdesim', *{arguments!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


def test_help_loads_no_heavy_library():
    heavy = {"torch", "matplotlib", "numba", "scipy", "numpy", "xarray", "zarr", "pydantic", "sklearn"}

    assert not heavy & modules_after("--help")


def test_listing_needs_neither_numpy_nor_pydantic():
    assert not {"torch", "matplotlib", "numpy", "pydantic", "pydantic_core"} & modules_after("list")


def test_validating_needs_no_compiler_and_nothing_that_runs_or_draws():
    heavy = {"torch", "matplotlib", "numba", "scipy", "xarray", "zarr", "pandas", "sklearn"}

    assert not heavy & modules_after("validate", "quickstart")


def test_a_verb_is_imported_only_when_it_is_called():
    assert "sdesim.commands.show" not in modules_after("list")


def test_version_is_that_of_the_package(capsys):
    assert call("version") == 0
    assert capsys.readouterr().out.strip() == sdesim.__version__


def _drop(held):
    del held
    for _ in range(1000):
        time.sleep(0.001)


def test_an_interruption_within_a_finalizer_comes_again(monkeypatch, capsys):
    class Held:
        def __del__(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "unraisablehook", partial(cli._unraised, sys.unraisablehook))
    with pytest.raises(KeyboardInterrupt):
        _drop(Held())
    assert capsys.readouterr().err == ""
