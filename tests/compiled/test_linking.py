"""What is linked late: in its caller's code, not optimised again, and right."""

import numpy as np
import pytest

from sdesim.compiled import jit, linking


@jit.compiled_between
def added(x, y):
    for k in range(x.shape[0]):
        x[k] += y[k]


@jit.compiled_between
def doubled(x):
    added(x, x)


@jit.compiled_inside
def quadrupled(x):
    doubled(x)
    doubled(x)


@jit.compiled_entry
def called(x):
    quadrupled(x)
    added(x, x)


@pytest.mark.parametrize("kept", [True, False])
def test_a_caller_holds_what_is_linked_late_and_what_that_calls(kept, monkeypatch):
    optimise, seen = linking._Library._optimize_final_module, []

    def noted(self):
        optimise(self)
        seen.append([f.name for f in self._final_module.functions if not f.is_declaration])

    monkeypatch.setattr(linking._Library, "_optimize_final_module", noted)
    entry = jit.compiled_entry(called.py_func, kept=kept)
    x = np.arange(3.0)

    entry(x)

    assert x.tolist() == [0.0, 8.0, 16.0]
    assert added.overloads[added.signatures[0]].library.late
    library = entry.overloads[entry.signatures[0]].library
    assert not library.late
    if not kept:
        held = [function.name for function in library.get_defined_functions()]
        for name in ("doubled", "added"):
            assert sum(name in other for other in held) == 1
            # Linked when the caller was optimised, and by no earlier step of its own.
            assert not any(name in other for other in seen[-1])


def test_a_caller_calls_its_own_copies_whatever_the_process_loaded_before():
    # Weak copies are one for all callers: the first that is loaded, optimised with another caller.
    def once(x):
        added(x, x)

    def twice(x):
        added(x, x)
        added(x, x)

    entries = [jit.compiled_entry(f, kept=False) for f in (once, twice)]
    x = np.ones(3)

    for entry in entries:
        entry(x)

    assert x.tolist() == [8.0] * 3
    for entry in entries:
        library = entry.overloads[entry.signatures[0]].library
        held = {f.name: f.linkage.name for f in library.get_defined_functions()}
        assert {link for name, link in held.items() if "added" in name} == {"internal"}
        # Their callers take them in as before.
        linked = library._get_module_for_linking()
        kinds = {f.linkage.name for f in linked.functions if not f.is_declaration}
        assert kinds == {"linkonce_odr"}
