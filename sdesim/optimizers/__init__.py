"""Optimizers: recipes, of which torch's are made, and what each means for the SDE of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.optimizers.adam import Adam as Adam
    from sdesim.optimizers.adamw import AdamW as AdamW
    from sdesim.optimizers.base import Base as Base
    from sdesim.optimizers.sgd import SGD as SGD

_HOMES = {
    "Base": "base",
}

_get, __dir__ = public_names(__name__, "optimizers", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
