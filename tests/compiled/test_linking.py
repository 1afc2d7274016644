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
