"""Models of series and their fits: `fit`, what it gives, a file for each model, and `Base` for one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.fits.base import Base as Base
    from sdesim.fits.base import Parameter as Parameter
    from sdesim.fits.fit import fit as fit
    from sdesim.fits.result import Fit as Fit
    from sdesim.fits.transitions import Transitions as Transitions

_HOMES = {
    "Base": "base",
    "Fit": "result",
    "Parameter": "base",
    "Transitions": "transitions",
    "fit": "fit",
}

_get, __dir__ = public_names(__name__, "fits", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
