"""Where all global random generators stand, so that a pass of reading's own leaves them there."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch


class RandomState:
    """State of torch's generators (CPU and devices), NumPy's and Python's global ones."""

    def __init__(self, torch_states: dict[str, torch.Tensor], numpy: Any, python: Any) -> None:
        self._torch, self._numpy, self._python = torch_states, numpy, python

    @classmethod
    def now(cls, devices: Iterable[torch.device]) -> RandomState:
        """As they are."""
        states = {"cpu": torch.get_rng_state()}
        for device in devices:
            module: Any = getattr(torch, device.type, None)
            if device.type != "cpu" and hasattr(module, "get_rng_state"):
                states[str(device)] = module.get_rng_state(device)
        return cls(states, np.random.get_state(legacy=False), random.getstate())  # noqa: NPY002

    def restore(self) -> None:
        """Put them back."""
        for name, state in self._torch.items():
            if name == "cpu":
                torch.set_rng_state(state)
            else:
                getattr(torch, torch.device(name).type).set_rng_state(state, torch.device(name))
        np.random.set_state(self._numpy)  # noqa: NPY002
        random.setstate(self._python)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RandomState):
            return NotImplemented
        mine, its = self._numpy["state"], other._numpy["state"]
        same = mine["pos"] == its["pos"] and bool((mine["key"] == its["key"]).all())
        return (
            same
            and self._numpy["gauss"] == other._numpy["gauss"]
            and self._python == other._python
            and self._torch.keys() == other._torch.keys()
            and all(torch.equal(s, other._torch[name]) for name, s in self._torch.items())
        )

    def __hash__(self) -> int:
        return id(self)
