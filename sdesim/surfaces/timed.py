"""Surfaces that change in time: compiled functions whose params begin with it, see `SurfaceKernel.timed`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds.fields import Marker
from sdesim.kinds.numbers import Array
from sdesim.schedules import Coefficient, at, moves
from sdesim.schedules.base import OfTime
from sdesim.surfaces.base import SurfaceKernel

ROLES = ("loss", "grad", "hvp", "well")


@dataclass(frozen=True)
class Vector(Marker):
    """`Annotated[Any, Vector()]`: a number, a schedule or a function of t, or one of these per coordinate."""

    def read(self, value: Any) -> Any:
        """The value as a coefficient, or as a tuple of them. Raises pydantic's error for anything else."""
        one = Coefficient(0)
        if isinstance(value, np.ndarray) and value.ndim == 1:
            value = value.tolist()
        return tuple(one.read(v) for v in value) if isinstance(value, list | tuple) else one.read(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        one = Coefficient(0).__get_pydantic_json_schema__(core, handler)
        return {"anyOf": [one, {"type": "array", "items": one}]}


def vector_at(value: Any, time: float, dim: int) -> Array:
    """The numbers (d,) of a vector at a time."""
    numbers = [at(v, time) for v in value] if isinstance(value, tuple) else at(value, time)
    return np.array(np.broadcast_to(np.asarray(numbers, dtype=np.float64), (dim,)))


def frozen(value: Any, time: float) -> Any:
    """A vector with the numbers that it has at a time."""
    return tuple(at(v, time) for v in value) if isinstance(value, tuple) else at(value, time)


def vector_problem(value: Any, end: float) -> str | None:
    """Why a vector is none somewhere in [0, end]."""
    parts = value if isinstance(value, tuple) else (value,)
    return next((p for v in parts if moves(v) and (p := v.problem(end)) is not None), None)


@dataclass
class Text:
    """The text of a module with a surface's functions, the objects that it needs, and its params.

    Attributes:
        body: what follows the imports. names: objects that can't be imported. numbers: params after the time.
    """

    body: str = ""
    imports: str = ""
    names: dict[str, Any] = field(default_factory=dict)
    numbers: list[Array] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many params there are by now, the time included."""
        return 1 + sum(len(part) for part in self.numbers)

    def base(self, prefix: str, kernel: SurfaceKernel) -> list[str]:
        """Take in the functions of a surface as ``{prefix}_{role}``; returns its roles."""
        offered = [role for role in ROLES if kernel.offers(role)]
        for role in offered:
            if role in kernel.functions:
                self.names[f"{prefix}_{role}"] = kernel.functions[role]
            else:
                self.imports += f"from {kernel.module} import {getattr(kernel, role)} as {prefix}_{role}\n"
        return offered

    def vector(self, value: Any, name: str) -> None:
        """A function ``{name}(i, params)``: the i-th number of a vector at the time params[0]."""
        parts = value if isinstance(value, tuple) else (value,)
        self.body += f"\n\n@compiled\ndef {name}(i, params):\n"
        for k, part in enumerate(parts):
            head = f"    if i == {k}:\n        return " if k < len(parts) - 1 else "    return "
            begin = self.size
            if not moves(part):
                self.numbers.append(np.array([part]))
                self.body += f"{head}params[{begin}]\n"
                continue
            self.numbers.append(np.asarray(part.params, dtype=np.float64))
            called = self._function(part, f"{name}_{k}", name)
            self.body += f"{head}{called}(params[0], params[{begin}:{self.size}])\n"

    def _function(self, schedule: Any, called: str, name: str) -> str:
        """Take in a schedule's function."""
        if isinstance(schedule, OfTime):
            self.names[called] = _compiled(schedule.function, name)
            return called
        value = schedule.value
        if "<" in value.__qualname__:
            raise SdesimError(f"{name}: the function of {schedule.label} must stand at the top of its module")
        self.imports += f"from {value.__module__} import {value.__name__} as {called}\n"
        self.imports += f"{called} = compiled({called})\n"
        return called

    def kernel(self, like: SurfaceKernel, roles: Sequence[str], params: Array) -> SurfaceKernel:
        """The compiled side with these roles.

        Args:
            like: whose data and lanes it has. params: of `like`, which come last.
        """
        from sdesim.compiled.generated import generated_module

        decorator = "compiled_in_memory" if self.names else "compiled"
        head = f"import numpy as np\n\nfrom sdesim.compiled.jit import {decorator} as compiled\n"
        module = generated_module(head + self.imports + self.body, self.names)
        functions: Mapping[str, Any] = {r: getattr(module, r) for r in roles} if self.names else {}
        return SurfaceKernel(
            module="" if self.names else module.__name__,
            grad="grad",
            loss="loss",
            params=np.concatenate([[0.0], *self.numbers, params]),
            data0=like.data0,
            data1=like.data1,
            lanes=like.lanes,
            functions=functions,
            timed=True,
            hvp="hvp" if "hvp" in roles else None,
            well="well" if "well" in roles else None,
        )


def steady(kernel: SurfaceKernel, what: str) -> SurfaceKernel:
    """The kernel of a surface that is made part of another.

    Raises:
        SdesimError: it changes in time itself.
    """
    if kernel.timed:
        raise SdesimError(f"{what} takes a surface that does not change in time itself")
    return kernel


def _compiled(function: Callable[..., Any], name: str) -> Any:
    """A user's function of t as one of t and no parameters."""
    from numba.core.errors import NumbaError
    from numba.extending import is_jitted

    from sdesim.compiled.first_call import first_calls
    from sdesim.compiled.jit import compiled_in_memory

    inner = function if is_jitted(function) else compiled_in_memory(function)
    try:
        float(first_calls(inner, f"{name}: the function of t", [(0.0,), (1.0,)]))
    except (NumbaError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines()]
        told = next((ln for ln in lines if ln and not ln.startswith("Failed in")), type(error).__name__)
        raise SdesimError(f"{name}: Numba can't compile the function of t: {told}") from None

    @compiled_in_memory
    def value(t: Any, p: Any) -> Any:
        return inner(t)

    return value
