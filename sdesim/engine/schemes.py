"""Schemes: how the SDE is stepped, with the orders of convergence that each has and where it applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdesim.errors import SdesimError


@dataclass(frozen=True)
class EulerMaruyama:
    """θ ← θ − ∇L dt + ΔN (Maruyama 1955).

    Weak order 1; strong order 1 for additive and ½ for state-dependent Gaussian noise where ∇L is globally
    Lipschitz (Kloeden & Platen 1992, §10.2). With α-stable noise moments of order ≥ α don't exist and no
    strong order is claimed. It explodes where ∇L grows faster than linearly and jumps are large;
    "tamed-euler" does not.
    """

    name: ClassVar[str] = "euler-maruyama"
    step: ClassVar[str] = "euler_maruyama"


@dataclass(frozen=True)
class TamedEuler:
    """θ ← θ − ∇L dt/(1 + dt |∇L|) + ΔN, for drifts that grow faster than linearly.

    Strong order ½ for Gaussian noise and one-sided Lipschitz ∇L (Hutzenthaler, Jentzen & Kloeden 2012); order
    1 for additive noise. No order is claimed under jumps.
    """

    name: ClassVar[str] = "tamed-euler"
    step: ClassVar[str] = "tamed_euler"


Scheme = EulerMaruyama | TamedEuler
SCHEMES: dict[str, type[EulerMaruyama] | type[TamedEuler]] = {
    EulerMaruyama.name: EulerMaruyama,
    TamedEuler.name: TamedEuler,
}


def as_scheme(scheme: str | Scheme) -> Scheme:
    """The scheme of that name, or the object itself.

    Raises:
        SdesimError: if there is no such scheme.
    """
    if isinstance(scheme, EulerMaruyama | TamedEuler):
        return scheme
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise SdesimError(f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}")
    return SCHEMES[scheme]()
