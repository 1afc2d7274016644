"""Learning rates in the course of a training, as shares of the optimizer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.optimizers.learning_rates.base import Base as Base
    from sdesim.optimizers.learning_rates.constant import Constant as Constant
    from sdesim.optimizers.learning_rates.cosine import Cosine as Cosine
    from sdesim.optimizers.learning_rates.step import Step as Step

_HOMES = {
    "Base": "base",
}

_get, __dir__ = public_names(__name__, "learning_rates", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
