"""What is compiled apart joins its caller when that is optimised, and not before.

Numba links the code of everything that a function calls into the function's own module, and then optimises
all of it, so that a small function can become part of a large one. What never will, such as the parts of a
loop over blocks that no combination changes, is optimised already and would be gone through again for every
combination: half of the time that one takes to compile. Here it is linked after the rest is optimised.

And what a function has linked in is its own. Numba leaves copies weak, so that the first one that a process
loads serves all callers; each was optimised with its caller, and may round otherwise. Bits would depend on
what had been compiled or loaded before.
"""
# mypy: disable-error-code="no-untyped-call,misc"

from __future__ import annotations

from typing import Any

from llvmlite.binding import Linkage
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen, RuntimeLinker


def linked_late(dispatcher: Any) -> Any:
    """The compiled function, whose code its callers take in as it is."""
    add = dispatcher.add_overload

    def add_overload(compiled: Any) -> None:
        compiled.library.late = True
        add(compiled)

    dispatcher.add_overload = add_overload
    return dispatcher


class _Library(JITCodeLibrary):
    """Numba's own, which links in two steps where it holds what is linked late, and calls its own copies."""

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
        if self._shared_module is None:
            self._keep_copies()
        super()._finalize_final_module()

    def _keep_copies(self) -> None:
        """Make the functions that were linked in internal; callers still link the module as it was."""
        module = self._final_module
        if any(g.name.startswith(RuntimeLinker.PREFIX) for g in module.global_variables):
            # Functions that call one another are looked up by name.
            return
        defined = [f for f in module.functions if not f.is_declaration]
        if not defined:
            return
        self._shared_module = module.clone()
        for function in defined:
            if function.linkage == Linkage.external:
                self._shared_module.get_function(function.name).linkage = Linkage.linkonce_odr
            elif function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal


JITCPUCodegen._library_class = _Library
