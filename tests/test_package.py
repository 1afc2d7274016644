"""What a person meets first: the import, its laziness, and the files that make the two commands work."""

import subprocess
import sys
from pathlib import Path

import pytest

import sdesim

ROOT = Path(__file__).parent.parent


def test_import_loads_no_heavy_library():
    code = (
        "import sdesim, sys; "
        "heavy = {'torch', 'matplotlib', 'dask', 'scipy.stats', 'numba'} & set(sys.modules); "
        "sys.exit(repr(sorted(heavy)) if heavy else 0)"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "line",
    [
        "from sdesim.events import Base, Exit, Occupancy",
        "from sdesim.schemes import BAOAB, Base, EulerMaruyama, Scheme",
        "from sdesim.engine.schemes.heavy_ball import HeavyBall",
        "import sdesim.events; sdesim.events.Exit(upper=0.0)",
        "import sdesim.schemes; sdesim.schemes.BAOAB",
        "from sdesim import events, schemes; from sdesim.events import Exit; assert events.Exit is Exit",
        "from sdesim.engine import SCHEMES; assert SCHEMES['baoab'](friction=2.0).name == 'baoab'",
        "import sdesim.compiled; assert callable(sdesim.compiled)",
    ],
)
def test_kinds_import_as_the_docs_write_them_and_bring_no_compiler(line):
    heavy = "{'torch', 'matplotlib', 'xarray', 'pandas', 'numba'} & set(sys.modules)"
    code = f"import sys; {line}; sys.exit(repr({heavy}) if {heavy} else 0)"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


def test_simulate_is_the_function_whatever_was_imported_first():
    code = (
        "import sdesim.engine.simulation, sdesim.engine.exit_times; from sdesim.engine import simulate; "
        "import sdesim; assert sdesim.simulate is simulate; assert callable(sdesim.exit_statistics)"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", [n for n in sdesim.__all__ if n != "training"])
def test_every_public_name_resolves(name):
    assert getattr(sdesim, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sdesim.no_such_name


def test_torch_is_pinned_exactly_in_the_constraints():
    pins = (ROOT / "constraints.txt").read_text().splitlines()

    assert "torch==2.13.0" in pins


def test_ci_runs_exactly_make_test():
    commands = [
        line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.strip().startswith("exec")
    ]

    assert commands == ["exec make test"]
