"""Optimizers: recipes, of which torch's are made, and what each means for the SDE of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.optimizers.adadelta import Adadelta as Adadelta
    from sdesim.optimizers.adafactor import Adafactor as Adafactor
    from sdesim.optimizers.adagrad import Adagrad as Adagrad
    from sdesim.optimizers.adam import Adam as Adam
    from sdesim.optimizers.adamax import Adamax as Adamax
    from sdesim.optimizers.adamw import AdamW as AdamW
    from sdesim.optimizers.asgd import ASGD as ASGD
    from sdesim.optimizers.base import Base as Base
    from sdesim.optimizers.clip import Clip as Clip
    from sdesim.optimizers.lion import Lion as Lion
    from sdesim.optimizers.muon import Muon as Muon
    from sdesim.optimizers.nadam import NAdam as NAdam
    from sdesim.optimizers.radam import RAdam as RAdam
    from sdesim.optimizers.rmsprop import RMSprop as RMSprop
    from sdesim.optimizers.rprop import Rprop as Rprop
    from sdesim.optimizers.sgd import SGD as SGD

_HOMES = {
    "Base": "base",
    "Clip": "clip",
}

_get, __dir__ = public_names(__name__, "optimizers", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
