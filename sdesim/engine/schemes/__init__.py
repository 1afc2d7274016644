"""Schemes: one file each, with the update, its source, its orders and what it takes."""

from __future__ import annotations

from typing import Any

from sdesim.engine.schemes.baoab import BAOAB as BAOAB
from sdesim.engine.schemes.base import Scheme as Scheme
from sdesim.engine.schemes.base import check_scheme as check_scheme
from sdesim.engine.schemes.base import check_sorts as check_sorts
from sdesim.engine.schemes.euler_maruyama import EulerMaruyama as EulerMaruyama
from sdesim.engine.schemes.heavy_ball import HeavyBall as HeavyBall
from sdesim.engine.schemes.heun import Heun as Heun
from sdesim.engine.schemes.implicit_euler import ImplicitEuler as ImplicitEuler
from sdesim.engine.schemes.milstein import Milstein as Milstein
from sdesim.engine.schemes.sgd import SGD as SGD
from sdesim.engine.schemes.sra1 import SRA1 as SRA1
from sdesim.engine.schemes.tamed_euler import TamedEuler as TamedEuler
from sdesim.errors import SdesimError

__all__ = [
    "BAOAB",
    "SCHEMES",
    "SGD",
    "SRA1",
    "EulerMaruyama",
    "HeavyBall",
    "Heun",
    "ImplicitEuler",
    "Milstein",
    "Scheme",
    "TamedEuler",
    "as_scheme",
    "check_scheme",
    "check_sorts",
]

_KINDS = (EulerMaruyama, TamedEuler, Heun, ImplicitEuler, SRA1, Milstein, BAOAB, HeavyBall, SGD)
SCHEMES: dict[str, Any] = {kind.name: kind for kind in _KINDS}


def as_scheme(scheme: str | Scheme) -> Scheme:
    """The scheme of that name with its default parameters, or the object itself.

    Raises:
        SdesimError: if there is no such scheme.
    """
    if isinstance(scheme, _KINDS):
        return scheme
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise SdesimError(f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}")
    made: Scheme = SCHEMES[scheme]()
    return made
