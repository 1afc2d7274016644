"""A function of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np

from sdesim.engine.observables.base import Array, Base, Problem
from sdesim.errors import SdesimError
from sdesim.kinds import kind
from sdesim.kinds.fields import Code
from sdesim.kinds.spelling import short
from sdesim.kinds.trust import trusted_module


@kind("observables", "function")
@dataclass(frozen=True, eq=False)
class Function(Base):
    """A function f(x) or f(t, x) of one's own, x (d,), which Numba compiles; it returns one number.

    Args:
        function: in a file "module:function" of a module that the command line trusts (`--trust module`).

    Example:
        {kind: function, function: "mymodule:radius", units: m}
    """

    function: Annotated[Any, Code()]

    @property
    def meaning(self) -> str:
        """The name of the function."""
        name = self.function if isinstance(self.function, str) else _name(self.function)
        return f"{name} of the state"

    @cached_property
    def called(self) -> Callable[..., Any]:
        """The function itself.

        Raises:
            SdesimError: its module is not trusted, or has no such function.
        """
        if not isinstance(self.function, str):
            found: Callable[..., Any] = self.function
            return found
        module, _, name = self.function.partition(":")
        try:
            made = getattr(trusted_module(module), name, None)
        except SdesimError as error:
            raise SdesimError(f"found {short(self.function)}, {error}") from None
        if not callable(made) or isinstance(made, type):
            raise SdesimError(f"found {short(self.function)}, but {module} has no function {name}")
        return made  # type: ignore[no-any-return]

    @property
    def code(self) -> dict[str, Any]:
        """The function that a file names, so that a run notes where its code stands; none of Python's."""
        return {self.function: self.called} if isinstance(self.function, str) else {}

    @property
    def functions(self) -> dict[str, Any]:
        """The function."""
        return {_name(self.called): self.called}

    @property
    def identity(self) -> str:
        """Its name; its code is told apart."""
        return f"function {_name(self.called)}, {self.units}, {self.long_name}"

    @cached_property
    def _one(self) -> Any:
        from sdesim.engine.observables.function_kernels import of_one

        return of_one(self.called)

    @cached_property
    def _evaluated(self) -> Any:
        from sdesim.engine.observables.function_kernels import of_rows

        return of_rows(self._one, self.called)

    def misfits(self, surface: Any, dim: int, starts: Array | None) -> Iterator[Problem]:
        """Code that can't be had, compiled or run, or that gives something else than a number."""
        try:
            function = self.called
            if starts is not None:
                from sdesim.engine.observables.function_kernels import tried

                tried(self._one, function, np.array(starts[0], dtype=np.float64))
        except SdesimError as error:
            yield ("function",) if isinstance(self.function, str) else (), str(error)

    def values(self, theta: Array, time: Array, surface: Any) -> Array:
        """f (n,)."""
        out = np.empty(len(theta))
        self._evaluated(theta, time, out)
        return out


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
