"""What is compiled apart joins its caller when that is optimised, and not before.

Numba links the code of everything that a function calls into the function's own module, and then optimises
all of it, so that a small function can become part of a large one. What never will, such as the parts of a
loop over blocks that no combination changes, is optimised already and would be gone through again for every
combination: half of the time that one takes to compile. Here it is linked after the rest is optimised.
"""
# mypy: disable-error-code="no-untyped-call,misc"

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary, JITCPUCodegen


def linked_late(dispatcher: Any) -> Any:
    """The compiled function, whose code its callers take in as it is."""
    add = dispatcher.add_overload

    def add_overload(compiled: Any) -> None:
        compiled.library.late = True
        add(compiled)

    dispatcher.add_overload = add_overload
    JITCPUCodegen._library_class = _Library
    return dispatcher


class _Library(JITCodeLibrary):
    """Numba's own, which links in two steps where it holds what is linked late."""

    late = False

    def finalize(self) -> None:
        """Link, optimise and make the code ready to use."""
        libraries = list(dict.fromkeys(self._linking_libraries))
        self._held = [library for library in libraries if getattr(library, "late", False)]
        self._linking_libraries = [library for library in libraries if library not in self._held]
        super().finalize()

    def _finalize_final_module(self) -> None:
        for library in getattr(self, "_held", ()):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        super()._finalize_final_module()
