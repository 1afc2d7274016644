"""Which layer of a model a parameter belongs to: one to each block, where the model has a list of blocks."""

from __future__ import annotations

from torch import nn


def layer_names(model: nn.Module) -> dict[int, str]:
    """id of each parameter → name of its layer, as the model names it.

    A layer is a child of the model; where a part holds a list of parts (a stack of blocks), each of the list
    is a layer, and so is each other child of what holds the list. A parameter of what is split so is a layer
    of its own. What two layers share belongs to the first.
    """
    found: dict[int, str] = {}
    _split(model, "", found)
    return found


def _split(part: nn.Module, path: str, found: dict[int, str]) -> None:
    for name, p in part.named_parameters(recurse=False):
        found.setdefault(id(p), path + name)
    for name, child in part.named_children():
        if _holds_list(child, inside=_is_list(part)):
            _split(child, f"{path}{name}.", found)
        else:
            for p in child.parameters():
                found.setdefault(id(p), path + name)


def _is_list(part: nn.Module) -> bool:
    return isinstance(part, nn.ModuleList | nn.Sequential)


def _holds_list(part: nn.Module, inside: bool) -> bool:
    """Whether a part is to be split; of what is ``inside`` a list only a list is."""
    if _is_list(part):
        return True
    return not inside and any(_is_list(inner) for inner in part.modules())
