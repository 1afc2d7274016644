"""Scenarios in which one whole number is beyond what any machine has: every one of every kind and section."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from ruamel.yaml import YAML

from sdesim.kinds import documented, kinds_of
from sdesim.kinds.fields import fields_by_name
from sdesim.kinds.registry import own_kinds

_SIZES = (10**6, 10**9, 10**12, 2**63 - 1, 2**63, 10**400)
_MLP = {"kind": "mlp", "widths": [64, 8, 10]}
_SGD = {"kind": "sgd", "lr": 0.1, "batch_size": 8}
_NOISE = [{"kind": "gaussian", "diffusion": 0.1}]
_WELL = {"kind": "double-well", "dim": 2}
Slot = Callable[[Any], dict[str, Any]]


def _simulated(**parts: Any) -> dict[str, Any]:
    arm = {"surface": _WELL, "noise": _NOISE, "dt": 0.001, "steps": 100, "trajectories": 4, **parts}
    return {"simulate": {name: value for name, value in arm.items() if value is not None}}


def _trained(**parts: Any) -> dict[str, Any]:
    arm = {"data": {"kind": "digits"}, "network": _MLP, "optimizer": _SGD, "steps": 10, **parts}
    return {"train": arm}


# Where one of a family stands.
_SLOTS: dict[str, Slot] = {
    "surfaces": lambda v: _simulated(surface=v),
    "noises": lambda v: _simulated(surface={"kind": "flat", "dim": 2}, noise=[v]),
    "sdes": lambda v: _simulated(surface=None, sde=v),
    "schemes": lambda v: _simulated(scheme=v),
    "events": lambda v: _simulated(events=[v]),
    "walls": lambda v: _simulated(boundary=[v]),
    "reductions": lambda v: _simulated(reduce=[v]),
    "data": lambda v: _trained(data=v),
    "networks": lambda v: _trained(network=v),
    "optimizers": lambda v: _trained(optimizer=v),
    "learning_rates": lambda v: _trained(schedule=v),
    "augmentations": lambda v: _trained(augment=[v]),
}
_OF_SIMULATED = ("steps", "trajectories", "first", "save_every", "refine")
_OF_TRAINED = ("steps", "trajectories", "save_every", "amplify")
_OF_PROBES = (
    "samples", "every", "batch_size", "trajectories", "curvature_every", "branches", "progress_every",
    "eigenvalue_examples",
)  # fmt: skip
_WIDTHS = ([64, 10**9, 10], [64, 10**12, 10], [64, 10**5, 10**5, 10])


def huge() -> Iterator[tuple[str, bytes]]:
    """Name and content of each scenario."""
    for family, slot in _SLOTS.items():
        for kind in own_kinds()[0][family]:
            shown = _shown(family, kind)
            for path in _numbers(shown):
                for size in _SIZES:
                    place = ".".join(map(str, (family, kind, *path)))
                    yield (
                        f"{place}={size:.0e}" if size < 1e300 else place,
                        _file(slot(_put(shown, path, size))),
                    )
    for size in _SIZES:
        for name in _OF_SIMULATED:
            yield f"simulate.{name}", _file(_simulated(**{name: size}))
        for name in _OF_TRAINED:
            yield f"train.{name}", _file(_trained(**{name: size}))
        for name in _OF_PROBES:
            yield f"probes.{name} of a simulation", _file(_simulated(), probes={name: size})
            yield f"probes.{name} of a training", _file(_trained(), probes={name: size})
    for widths in _WIDTHS:
        yield f"widths {widths}", _file(_trained(network={**_MLP, "widths": widths}))


def _file(arm: dict[str, Any], **parts: Any) -> bytes:
    # JSON is YAML.
    return json.dumps({"name": "t", "seed": 1, "arms": {"a": arm}, **parts}, indent=1).encode()


def _shown(family: str, kind: str) -> dict[str, Any]:
    """The example of a kind's own documentation, with its whole numbers that have a default."""
    cls = kinds_of(family)[kind]
    example = documented(cls).example
    found = YAML(typ="safe").load(example) if example else kind
    told: dict[str, Any] = {"kind": found} if isinstance(found, str) else dict(found)
    fields = fields_by_name(cls).items()
    whole = {name: f.default for name, f in fields if type(f.default) is int and name not in told}
    return {**told, **whole}


def _numbers(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where whole numbers stand."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, part in entries:
        yield from _numbers(part, (*path, key))
    if type(value) is int:
        yield path


def _put(value: dict[str, Any], path: tuple[Any, ...], size: int) -> dict[str, Any]:
    changed = copy.deepcopy(value)
    here: Any = changed
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = size
    return changed
