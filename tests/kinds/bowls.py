"""Kinds made for the tests of the registry, and what is said when one is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, MinLen

from sdesim.kinds import (
    InCode,
    Misfit,
    Numbers,
    OneOf,
    kind,
)


@kind("test-bowls", "bowl")
@dataclass(frozen=True)
class Bowl:
    """½ Σ rate x².

    The simplest there is.

    Args:
        rates: λ, one for all
            or one each.
        dim: number of coordinates.
        shape: of the wall.
        tilt: slope.
        given: an array.

    Source: nobody.

    Example:
        {kind: bowl, rates: 2.0}
    """

    rates: Annotated[Any, Numbers(0, 1)]
    dim: Annotated[int, Ge(1)] = 1
    shape: Literal["round", "flat"] = "round"
    tilt: Annotated[float, Ge(-1), Le(1)] | None = None
    sizes: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(2)] = (1, 2)
    given: Annotated[Any, InCode()] = None
    _worked_out: float = field(init=False, repr=False, default=0.0)
    examples: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if np.ndim(self.rates) and len(self.rates) != self.dim:
            raise Misfit("rates", f"found {len(self.rates)} numbers, allowed: one or {self.dim}")
        object.__setattr__(self, "_worked_out", 1.0)


@kind("test-bowls", "within")
@dataclass(frozen=True)
class Within:
    """Another bowl inside.

    Args:
        inner: what is inside.
        share: of it.
    """

    inner: Annotated[Any, OneOf("test-bowls")]
    share: Annotated[float, Gt(0)] = 1.0


def messages(call: Any) -> str:
    with pytest.raises(Misfit) as caught:
        call()
    return str(caught.value)
