"""What a training wraps its optimizer and its model in, taken off again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from sdesim.errors import RunError

# Wrappers in wrappers, at most.
_DEPTH = 8
# Where wrappers of models keep what they wrap: data parallelism, compiled modules, adapters.
_INSIDE = ("_orig_mod", "module")


def bare_optimizer(optimizer: Any) -> Any:
    """torch's optimizer in what a trainer made of it, which holds it as its ``optimizer``.

    Raises:
        RunError: there is none.
    """
    found = optimizer
    for _ in range(_DEPTH):
        inner = getattr(found, "optimizer", None)
        if inner is None:
            break
        found = inner
    if not hasattr(found, "register_step_pre_hook") or not hasattr(found, "param_groups"):
        raise RunError(f"watch: optimizer: found {type(optimizer).__name__}, allowed: one of torch")
    return found


def trained_parameters(optimizer: Any) -> list[nn.Parameter]:
    """The parameters that the optimizer moves, each once."""
    groups = optimizer.param_groups
    return list({id(p): p for g in groups for p in g["params"] if p.requires_grad}.values())


def refuse_foreign(model: nn.Module, trained: Sequence[nn.Parameter]) -> None:
    """Refuse an optimizer that is not the model's.

    Raises:
        RunError: it trains nothing, or what is not the model's.
    """
    if not trained:
        raise RunError("watch: optimizer: found no parameter to train")
    own = {id(p) for p in model.parameters()}
    foreign = sum(id(p) not in own for p in trained)
    if foreign:
        raise RunError(
            f"watch: optimizer: found {foreign} parameters that are not the model's, allowed: none"
        )


def unwrapped(model: nn.Module, parameters: Iterable[nn.Parameter]) -> list[nn.Module]:
    """The model, what it wraps, what that wraps …; the last is the innermost that owns the parameters.

    A wrapper is known by what it keeps: ``module`` (data parallelism), ``_orig_mod`` (compiled), the base of
    an adapter. One that owns a trained parameter of its own, as a learned prompt does, is not taken off.
    """
    trained = {id(p) for p in parameters}
    found = [model]
    for _ in range(_DEPTH):
        inner = _inside(found[-1])
        if inner is None or not trained <= {id(p) for p in inner.parameters()}:
            break
        found.append(inner)
    return found


def _inside(model: nn.Module) -> nn.Module | None:
    for name in _INSIDE:
        inner = getattr(model, name, None)
        if isinstance(inner, nn.Module):
            return inner
    base = getattr(model, "get_base_model", None)
    inner = base() if callable(base) else None
    return inner if isinstance(inner, nn.Module) and inner is not model else None
