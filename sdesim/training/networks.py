"""Small networks, and the bridge from a torch network to the surface of the same loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.surfaces.mlp import MLP
from sdesim.surfaces.torch_functions import flat_parameters as flat_parameters
from sdesim.surfaces.torch_functions import parameter_groups as parameter_groups


class Quadratic(nn.Module):
    """The activation z²."""

    def forward(self, z: Tensor) -> Tensor:
        """z², elementwise."""
        return z * z


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "quadratic": Quadratic,
}


def mlp(
    widths: Sequence[int],
    activation: str = "tanh",
    seed: int | None = None,
    dtype: torch.dtype = torch.float64,
) -> nn.Sequential:
    """Return nn.Sequential(Linear, activation, Linear, …, Linear) with torch's default initialisation.

    Args:
        widths: layer widths, from the features to the outputs.
        activation: "tanh", "relu", "gelu" or "quadratic".
        seed: of the initial weights, which then leaves torch's global generator alone; None draws from that.
        dtype: of the parameters.

    Raises:
        RunError: if a width or the activation is not valid.
    """
    if activation not in ACTIVATIONS:
        raise RunError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    if len(widths) < 2 or any(w < 1 for w in widths):
        raise RunError(f"widths must be at least two whole numbers above 0, got {list(widths)}")
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out, dtype=dtype), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


@dataclass(frozen=True)
class Dense:
    """A network of plain Linear layers with one activation between them, under a known mean loss.

    Attributes:
        layers: the Linear layers in order.
        activation: name of the activation ("tanh" where there is none).
        loss: "mse" or "cross_entropy".
    """

    layers: tuple[nn.Linear, ...]
    activation: str
    loss: str

    @property
    def widths(self) -> tuple[int, ...]:
        """Layer widths, from the features to the outputs."""
        return (self.layers[0].in_features, *(layer.out_features for layer in self.layers))


def as_dense(module: nn.Module, loss_fn: Callable[..., Any]) -> Dense | None:
    """Read the module as `Dense`, or return None where it is anything else."""
    loss = _loss_name(loss_fn)
    if loss is None or type(module) is not nn.Sequential or len(module) % 2 == 0:
        return None
    parts = list(module)
    layers, between = parts[::2], parts[1::2]
    plain = all(type(m) is nn.Linear and m.bias is not None for m in layers)
    if not plain or _has_hooks(module) or not all(p.requires_grad for p in module.parameters()):
        return None
    names = {_activation_name(m) for m in between}
    if len(names) > 1 or None in names:
        return None
    linear = tuple(m for m in layers if isinstance(m, nn.Linear))
    shared = len({id(layer.weight) for layer in linear}) != len(linear)
    return None if shared else Dense(linear, names.pop() or "tanh" if names else "tanh", loss)


def _activation_name(module: nn.Module) -> str | None:
    for name, kind in ACTIVATIONS.items():
        if type(module) is kind:
            return name if getattr(module, "approximate", "none") == "none" else None
    return None


def _has_hooks(module: nn.Module) -> bool:
    return any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in module.modules())


def _loss_name(loss_fn: Callable[..., Any]) -> str | None:
    """ "mse" or "cross_entropy" where the loss is torch's own, averaged and without options."""
    if loss_fn is nn.functional.cross_entropy:
        return "cross_entropy"
    if loss_fn is nn.functional.mse_loss:
        return "mse"
    if type(loss_fn) is nn.MSELoss and loss_fn.reduction == "mean":
        return "mse"
    if type(loss_fn) is nn.CrossEntropyLoss and loss_fn.reduction == "mean":
        plain = loss_fn.weight is None and loss_fn.label_smoothing == 0.0 and loss_fn.ignore_index == -100
        return "cross_entropy" if plain else None
    return None


def network_surface(module: nn.Module, x: ArrayLike | Tensor, y: ArrayLike | Tensor, loss: Any) -> MLP:
    """Return the surface of a plain Linear/activation network: same loss, same θ order, same starting point.

    Args:
        module: nn.Sequential(Linear, activation, Linear, …).
        x: inputs (n, features).
        y: labels (n,) or targets (n, outputs).
        loss: "cross_entropy", "mse", or torch's loss of that name.

    Raises:
        RunError: if the network or the loss is not of that kind; `TorchSurface` takes any.
    """
    functions: dict[str, Callable[..., Any]] = {
        "cross_entropy": nn.functional.cross_entropy,
        "mse": nn.functional.mse_loss,
    }
    dense = as_dense(module, functions[loss] if isinstance(loss, str) and loss in functions else loss)
    if dense is None:
        raise RunError(
            "a network surface needs nn.Sequential(Linear, activation, Linear, …) with biases, one kind of "
            "activation (tanh, relu, gelu, quadratic) and mean cross-entropy or mean squared error"
        )
    inputs, targets = torch.as_tensor(x).double().numpy(), torch.as_tensor(y).numpy()
    return MLP(
        dense.widths,
        inputs,
        targets,
        activation=dense.activation,
        loss=dense.loss,
        start=flat_parameters(module),
    )
