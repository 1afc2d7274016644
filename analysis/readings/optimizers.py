"""The optimizers of the study: what makes each, and whether its step has a linear form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from sdesim.optimizers import Lion

Factory = Callable[[list[Any]], Any]
_OPTIM = torch.optim
# The six over which coverage is counted.
COUNTED: dict[str, Factory] = {
    "SGD": lambda p: _OPTIM.SGD(p, lr=0.1),
    "momentum": lambda p: _OPTIM.SGD(p, lr=0.02, momentum=0.9),
    "Nesterov": lambda p: _OPTIM.SGD(p, lr=0.02, momentum=0.9, nesterov=True),
    "Adam": lambda p: _OPTIM.Adam(p, lr=0.005),
    "AdamW": lambda p: _OPTIM.AdamW(p, lr=0.005, weight_decay=0.1),
    "RMSprop": lambda p: _OPTIM.RMSprop(p, lr=0.002),
}
# Beside them; Muon takes 2-D weights only, and so has a network without biases.
FURTHER: dict[str, Factory] = {
    "dampened, L2": lambda p: _OPTIM.SGD(p, lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.01),
    "NAdam": lambda p: _OPTIM.NAdam(p, lr=0.005),
    "RAdam": lambda p: _OPTIM.RAdam(p, lr=0.005),
    "Adagrad": lambda p: _OPTIM.Adagrad(p, lr=0.02),
    "Adamax": lambda p: _OPTIM.Adamax(p, lr=0.005),
    "Lion": lambda p: Lion(lr=1e-3).build(p),
    "Muon": lambda p: _OPTIM.Muon(p, lr=0.005, weight_decay=0.0),
}
WITHOUT_BIAS = ("Muon",)
EVERYTHING = COUNTED | FURTHER
