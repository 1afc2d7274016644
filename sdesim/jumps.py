"""Laws of jumps by the name of their family: their classes, and `Base` for one's own."""

from __future__ import annotations

from typing import Any

import sdesim.noise.jumps as _home
from sdesim.noise.jumps import Base as Base


def __getattr__(name: str) -> Any:
    return getattr(_home, name)


def __dir__() -> list[str]:
    return dir(_home)
