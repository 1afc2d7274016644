"""Laws along an axis by the name of their family: their classes, and `Base` for one's own."""

from __future__ import annotations

from typing import Any

import sdesim.fits.laws as _home
from sdesim.fits.laws import Base as Base


def __getattr__(name: str) -> Any:
    return getattr(_home, name)


def __dir__() -> list[str]:
    return dir(_home)
