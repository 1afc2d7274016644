"""Laws of a quantity along an axis, y = A e^{b u(x)}: one file each, and `Base` for one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.fits.laws.base import Base as Base
    from sdesim.fits.laws.curve import LawFit as LawFit
    from sdesim.fits.laws.curve import fit_law as fit_law

_get, __dir__ = public_names(__name__, "laws", {"Base": "base", "LawFit": "curve", "fit_law": "curve"})


def __getattr__(name: str) -> Any:
    return _get(name)
