"""Copies of a module that train as the module itself would, or the reason why there are none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import nn

from sdesim.errors import RunError, failure
from sdesim.networks.fully_connected import as_dense
from sdesim.training.probes.network_call import NetworkCall
from sdesim.training.probes.trial import alike, moved_aside

_FEW = 32


def copied(module: nn.Module) -> nn.Module:
    """A copy, with the hooks of its parameters, which Python's own leaves behind.

    Raises:
        RunError: something in it can't be copied.
    """
    try:
        made = copy.deepcopy(module)
    except Exception as error:
        raise RunError(
            f"record trains a copy of the module, which can't be copied ({failure(error)}): make what it "
            "holds in forward, or keep your own loop with a Monitor beside it"
        ) from error
    for parameter, own in zip(module.parameters(), made.parameters(), strict=True):
        if not own._backward_hooks:
            for hook in list((parameter._backward_hooks or {}).values()):
                own.register_hook(hook)  # type: ignore[no-untyped-call,unused-ignore]
    return made


def check_copies(
    module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any, batch_size: int | None
) -> None:
    """Refuse a training whose copies have another loss or gradient than the module itself.

    A loss that reads the module's own parameters, such as a penalty on them, sees the module that was given,
    not the copy that is trained.

    Args:
        x, y: examples (n, …). batch_size: of the training, None for all.

    Raises:
        RunError: saying what to do.
    """
    if as_dense(module, loss_fn) is not None:
        return
    modes, theta = [part.training for part in module.modules()], moved_aside(module.parameters())
    own = NetworkCall(module, loss_fn, modes, in_place=True)
    other = NetworkCall(copied(module), loss_fn, modes, in_place=True)
    if not alike(own, other, theta, (_FEW, batch_size or _FEW), x, y):
        raise RunError(
            "record trains a copy of the module, but loss_fn (or a hook) reads the module that was given, so "
            "that what it adds would be without effect: give a penalty as weight_decay of the optimizer, let "
            "the network return what the loss needs, or keep your own loop with a Monitor beside it"
        )
