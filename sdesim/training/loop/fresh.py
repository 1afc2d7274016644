"""Starting weights drawn anew: by the network's own rules, by its kind, or by a function that the user gives.

What training would not have begun with is refused: a parameter that no rule writes, weights that were drawn
by another law than the rules', rules that draw the same numbers for every seed. Frozen parameters, and the
buffers of parts without parameters to train, keep their values.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from sdesim.compiled.streams import NUMPY, own_seed
from sdesim.errors import RunError, SdesimError, first_line
from sdesim.networks.base import recipe_of
from sdesim.training.loop.copies import copied
from sdesim.training.loop.weight_law import drawn_otherwise

# A module → digest of its weights, and how others like them are drawn.
_WAYS: WeakKeyDictionary[nn.Module, tuple[str, Callable[[int], nn.Module]]] = WeakKeyDictionary()
_ADVICE = 'give init a function seed → module that draws them, or use init="module"'


def fresh_module(module: nn.Module, seed: int) -> nn.Module:
    """A copy of the module with weights of the same law as its own, drawn from this seed.

    Torch's, NumPy's and Python's global generators are left at what the drawing made of the seed.

    Raises:
        RunError: if no rule of the network gives such weights; in one line, which, and what to pass.
    """
    digest = hashlib.sha256()
    for parameter in module.parameters():
        digest.update(parameter.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    known = _WAYS.get(module)
    if known is None or known[0] != digest.hexdigest():
        known = _WAYS[module] = (digest.hexdigest(), _way(module))
    return known[1](seed)


def _way(module: nn.Module) -> Callable[[int], nn.Module]:
    """How weights like the module's are drawn."""
    kind = recipe_of(module)
    # The module is held weakly: a way that held it would keep it for ever.
    state = copied(module)
    ways: list[Callable[[int], nn.Module]] = [lambda seed: redrawn(state, seed)]
    if kind is not None:
        ways.append(lambda seed: _rebuilt(kind, state, seed))
    reasons = []
    for way in ways:
        try:
            found = drawn_otherwise(module, way)
        except RunError as error:
            found = str(error)
        if found is None:
            return way
        reasons.append(found)
    raise RunError(reasons[0])


def redrawn(module: nn.Module, seed: int) -> nn.Module:
    """A copy of the module, what is trained drawn anew by `reset_parameters`, that of the parts first.

    Raises:
        RunError: a parameter that is trained is written by no such rule.
    """
    model = copied(module)
    _seed_everything(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.fill_(float("nan"))
    for name, part in _parts_first(model):
        own = any(p.requires_grad for p in part.parameters(recurse=False))
        rule = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
        if callable(rule) and any(p.requires_grad for p in part.parameters()):
            try:
                rule()
            except Exception as error:
                raise RunError(
                    f'init="fresh": reset_parameters() of {name or type(part).__name__} fails '
                    f"({first_line(error)}); {_ADVICE}"
                ) from error
        elif own:
            where = name or type(part).__name__
            raise RunError(f'init="fresh" needs reset_parameters() on {where}; add it, or {_ADVICE}')
    _keep(model, module)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not bool(torch.isfinite(parameter).all()):
            raise RunError(
                f'init="fresh" can\'t draw {name} anew: no reset_parameters() writes it; {_ADVICE}'
            )
    return model


def made_by(factory: Callable[[int], object], module: nn.Module, seed: int) -> nn.Module:
    """A copy of the module with the parameters and buffers of ``factory(seed)``.

    Torch's global generator is seeded with the same number before, so that the function may leave it aside.

    Raises:
        RunError: it fails, or gives no module of the same parameters.
    """
    _seed_everything(seed)
    try:
        made = factory(seed)
    except Exception as error:
        raise RunError(f"init({seed}) fails: {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(made, nn.Module):
        raise RunError(f"init must return a module for a seed, got {type(made).__name__}")
    model = copied(module)
    shapes = [{n: tuple(t.shape) for n, t in m.state_dict().items()} for m in (model, made)]
    if shapes[0] != shapes[1]:
        other = sorted(set(shapes[0].items()) ^ set(shapes[1].items()))[0][0]
        raise RunError(f"init must return a module with the parameters of the recipe's; {other} differs")
    model.load_state_dict(made.state_dict())
    return model


def check_factory(factory: Callable[[int], object], module: nn.Module) -> None:
    """Refuse a function that gives no module, or the same weights for every seed.

    Raises:
        RunError: naming it.
    """
    one, other = (made_by(factory, module, seed) for seed in (1, 2))
    if all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True)):
        raise RunError("init gives the same weights for every seed: it must draw them from the seed given")


def _rebuilt(kind: object, module: nn.Module, seed: int) -> nn.Module:
    """A copy of the module, what is trained as its kind builds it from another seed."""
    _seed_everything(seed)
    names = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    other = dataclasses.replace(kind, seed=seed) if "seed" in names else kind  # type: ignore[type-var]
    try:
        made = other.build() if "seed" in names else other.make()  # type: ignore[attr-defined]
        model = copied(module)
        model.load_state_dict(made.state_dict())
    except (SdesimError, RuntimeError) as error:
        raise RunError(f'init="fresh" can\'t build the network anew: {first_line(error)}') from error
    _keep(model, module)
    return model


@torch.no_grad()
def _keep(model: nn.Module, module: nn.Module) -> None:
    """Give back what is not trained: frozen parameters, buffers of parts that have nothing to train."""
    for new, old in zip(model.parameters(), module.parameters(), strict=True):
        if not new.requires_grad:
            new.copy_(old)
    for new_part, old_part in zip(model.modules(), module.modules(), strict=True):
        if not any(p.requires_grad for p in new_part.parameters(recurse=False)):
            pairs = zip(new_part.buffers(recurse=False), old_part.buffers(recurse=False), strict=True)
            for drawn, kept in pairs:
                drawn.copy_(kept)


def _parts_first(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and part, each once and after the parts it is made of: the order in which they were made."""
    seen: set[int] = set()

    def walk(name: str, part: nn.Module) -> Iterator[tuple[str, nn.Module]]:
        if id(part) in seen:
            return
        seen.add(id(part))
        for key, inner in part.named_children():
            yield from walk(f"{name}.{key}" if name else key, inner)
        yield name, part

    return walk("", module)


def _seed_everything(seed: int) -> None:
    """Own rules may draw from any of the global generators."""
    torch.manual_seed(seed)
    # NumPy's own would make the very numbers of torch's under the same seed.
    np.random.seed(own_seed(seed, NUMPY))  # noqa: NPY002
    random.seed(seed)
