"""The decorator of kernels and the stamp under which their code is kept."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np

import sdesim
from sdesim.compiled import jit


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
    words = ("njit", "@compiled")
    holding = {
        f.relative_to(root).parts[0] for f in root.rglob("*.py") if any(w in f.read_text() for w in words)
    }

    assert holding <= set(jit._PACKAGES)


def test_the_stamp_is_that_of_sdesim_and_of_what_comes_from_elsewhere():
    one, other = {"function f": "a", "constant K": "b"}, {"constant K": "b", "function f": "a"}

    assert jit.stamp_of({}) == jit.source_stamp()
    assert jit.stamp_of(one) == jit.stamp_of(other) != jit.source_stamp()
    assert jit.stamp_of(one) != jit.stamp_of({**one, "constant K": "c"})


def test_sdesim_s_own_modules_need_no_stamp_beside_it():
    assert jit.stamped("sdesim.noise.gaussian_kernels")
    assert not jit.stamped("numpy")
    assert not jit.stamped(None)


def test_code_for_one_process_calls_what_it_is_given():
    def twice(function):
        return jit.compiled_in_memory(lambda x: 2.0 * function(x))

    assert [twice(jit.compiled_in_memory(f))(3.0) for f in (lambda x: x + 1.0, lambda x: x * x)] == [
        8.0,
        18.0,
    ]


def test_machine_code_that_can_t_be_read_or_kept_is_made_anew(tmp_path):
    source, kept = tmp_path / "a_module_of_mine.py", tmp_path / "__pycache__"
    source.write_text("import sdesim\n\n\n@sdesim.compiled\ndef twice(x):\n    return 2.0 * x\n")

    def imported():
        spec = importlib.util.spec_from_file_location(source.stem, source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.twice

    assert imported()(1.5) == 3.0
    # What a machine that goes down leaves of files that were being written.
    files = [*kept.glob("*.nbi"), *kept.glob("*.nbc")]
    for file in files:
        file.write_bytes(b"")
    assert imported()(1.5) == 3.0
    assert len(files) == 2
    assert all(file.stat().st_size for file in files)
    # A folder that can't be written once the function is there.
    function = imported()
    shutil.rmtree(kept)
    kept.write_text("")
    assert function(1.5) == 3.0
