"""Small networks, and the bridge from a torch network to the surface of the same loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.numbers import as_mask, as_reals, finite, one_of, positive, whole
from sdesim.kinds.spelling import short
from sdesim.networks.modules.parts import NORMALISATIONS
from sdesim.networks.modules.parts import normalisation as normalised
from sdesim.surfaces.masked_surface import Masked, masked
from sdesim.surfaces.network.mlp import MLP
from sdesim.surfaces.torch.functions import flat_parameters as flat_parameters
from sdesim.surfaces.torch.functions import parameter_groups as parameter_groups


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


class Linear(nn.Linear):
    """A linear layer that draws its weights, now and whenever they are reset, by a law of its own.

    Args:
        fan_in, fan_out: inputs and outputs.
        bias: whether there are biases.
        init: "default": uniform on ±1/√fan_in, biases too; "xavier-normal": N(0, 2/(fan_in + fan_out));
            "normal": N(0, 1/fan_in), biases 0 for both.
        scale: factor of what is drawn.
        dtype: of the parameters.
    """

    init, scale = "default", 1.0

    def __init__(
        self, fan_in: int, fan_out: int, bias: bool, init: str, scale: float, dtype: torch.dtype
    ) -> None:
        super().__init__(fan_in, fan_out, bias=bias, dtype=dtype)
        self.init, self.scale = init, scale
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        super().reset_parameters()
        with torch.no_grad():
            if self.init == "default":
                for parameter in self.parameters():
                    parameter.mul_(self.scale)
                return
            total = self.in_features + (self.out_features if self.init == "xavier-normal" else 0)
            variance = (2.0 if self.init == "xavier-normal" else 1.0) / total
            self.weight.normal_(0.0, self.scale * variance**0.5)
            if self.bias is not None:
                self.bias.zero_()

    def extra_repr(self) -> str:
        """As nn.Linear's, with the law of the weights."""
        return f"{super().extra_repr()}, init={self.init}, scale={self.scale:g}"


INITIALISATIONS = ("default", "xavier-normal", "normal")


def mlp(
    widths: Sequence[int],
    activation: str = "tanh",
    seed: int | None = None,
    dtype: torch.dtype = torch.float64,
    *,
    bias: bool = True,
    init: str = "default",
    scale: float = 1.0,
    normalisation: str = "none",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Return nn.Sequential(Linear, activation, Linear, …, Linear), in front of each activation its
    normalisation and behind it dropout, where there are any.

    Args:
        widths: layer widths, from the features to the outputs.
        activation: "tanh", "relu", "gelu" or "quadratic".
        seed: of the initial weights, which then leaves torch's global generator alone; None draws from that.
        dtype: of the parameters.
        bias: whether the layers have biases.
        init: "default" (torch's), "xavier-normal": N(0, 2/(fan-in + fan-out)), or "normal": N(0, 1/fan-in);
            with the last two the biases begin at 0.
        scale: factor of the initial weights.
        normalisation: "none", "layer" or "batch".
        dropout: share of the hidden numbers that are dropped.

    Raises:
        RunError: if a width, the activation, init or scale is not valid.
    """
    one_of(init, INITIALISATIONS, "init", RunError)
    widths = tuple(whole(w, "each of widths", error=RunError) for w in _listed(widths))
    if len(widths) < 2:
        raise RunError(f"widths must be at least two whole numbers above 0, got {list(widths)}")
    scale, dropout = positive(scale, "scale", RunError), finite(dropout, "dropout", RunError)
    if not 0.0 <= dropout < 1.0:
        raise RunError(f"dropout must be at least 0 and below 1, got {dropout:g}")
    one_of(normalisation, NORMALISATIONS, "normalisation", RunError)
    if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise RunError(f"dtype must be one of torch's floating-point types, got {short(dtype)}")
    if seed is not None:
        seed = whole(seed, "seed", least=0, error=RunError)
    plain = init == "default" and scale == 1.0
    one_of(activation, ACTIVATIONS, "activation", RunError)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            layers.append(
                nn.Linear(fan_in, fan_out, bias=bias, dtype=dtype)
                if plain
                else Linear(fan_in, fan_out, bias, init, scale, dtype)
            )
            last = len(layers)
            layers += normalised(normalisation, fan_out, dtype=dtype)
            layers.append(ACTIVATIONS[activation]())
            layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers[:last])


def _listed(widths: Any) -> Any:
    if isinstance(widths, str | bytes) or not isinstance(widths, Sequence | np.ndarray):
        raise RunError(f"widths must be a list of whole numbers, got {short(widths)}")
    return widths


def _numbers(value: Any, name: str) -> Any:
    """Real numbers in the type that they have: whole ones are labels."""
    try:
        return real_array(value)
    except NoNumbers as error:
        raise RunError(f"{name}: {error}, allowed: real numbers") from None


def one_hot(y: Tensor, outputs: int, dtype: torch.dtype) -> Tensor:
    """Labels (n,) as rows with a one at the label: (n, outputs)."""
    return nn.functional.one_hot(y.long(), outputs).to(dtype)


def one_hot_mse(output: Tensor, y: Tensor) -> Tensor:
    """Mean over examples and outputs of (z − e_y)², for whole-number labels y (n,)."""
    return nn.functional.mse_loss(output, one_hot(y, output.shape[-1], output.dtype))


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
    def bias(self) -> bool:
        """Whether the layers have biases: all or none."""
        return self.layers[0].bias is not None

    @property
    def widths(self) -> tuple[int, ...]:
        """Layer widths, from the features to the outputs."""
        return (self.layers[0].in_features, *(layer.out_features for layer in self.layers))


# Layers of which nothing but weights and biases enters.
_WHOLLY_KNOWN = (nn.Linear, Linear)


def as_dense(module: nn.Module, loss_fn: Callable[..., Any]) -> Dense | None:
    """Read the module as `Dense`, or return None where it is anything else."""
    loss = _loss_name(loss_fn)
    if loss is None or type(module) is not nn.Sequential or len(module) % 2 == 0:
        return None
    parts = list(module)
    layers, between = parts[::2], parts[1::2]
    linear = tuple(m for m in layers if isinstance(m, nn.Linear) and type(m) in _WHOLLY_KNOWN)
    biases = {m.bias is not None for m in linear}
    if (
        len(linear) < len(layers)
        or len(biases) > 1
        or _has_hooks(module)
        or not all(p.requires_grad for p in module.parameters())
    ):
        return None
    names = {_activation_name(m) for m in between}
    if len(names) > 1 or None in names:
        return None
    shared = len(list(module.parameters())) != len(linear) * (2 if linear[0].bias is not None else 1)
    return None if shared else Dense(linear, names.pop() or "tanh" if names else "tanh", loss)


def _activation_name(module: nn.Module) -> str | None:
    for name, kind in ACTIVATIONS.items():
        if type(module) is kind:
            return name if getattr(module, "approximate", "none") == "none" else None
    return None


def _has_hooks(module: nn.Module) -> bool:
    return any(
        m._forward_hooks or m._forward_pre_hooks or m._backward_hooks or m._backward_pre_hooks
        for m in module.modules()
    ) or any(p._backward_hooks or p._post_accumulate_grad_hooks for p in module.parameters())


def _loss_name(loss_fn: Callable[..., Any]) -> str | None:
    """ "mse" or "cross_entropy" where the loss is torch's own, averaged and without options."""
    if loss_fn is nn.functional.cross_entropy:
        return "cross_entropy"
    if loss_fn is nn.functional.mse_loss or loss_fn is one_hot_mse:
        return "mse"
    if type(loss_fn) is nn.MSELoss and loss_fn.reduction == "mean":
        return "mse"
    if type(loss_fn) is nn.CrossEntropyLoss and loss_fn.reduction == "mean":
        plain = loss_fn.weight is None and loss_fn.label_smoothing == 0.0 and loss_fn.ignore_index == -100
        return "cross_entropy" if plain else None
    return None


def network_surface(
    module: nn.Module,
    x: ArrayLike | Tensor,
    y: ArrayLike | Tensor,
    loss: Any,
    mask: NDArray[np.bool_] | None = None,
) -> MLP | Masked:
    """Return the surface of a plain Linear/activation network: same loss, same θ order, same starting point.

    A network without biases, or of which only some weights are trained, is a `masked` surface of the one
    with all of them, whose other coordinates stay 0.

    Args:
        module: nn.Sequential(Linear, activation, Linear, …).
        x: inputs (n, features).
        y: labels (n,) or targets (n, outputs); "mse" takes labels as their one-hot codes.
        loss: "cross_entropy", "mse", or torch's loss of that name.
        mask: booleans (d,), true for the weights that are trained; None for all.

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
            "a network surface needs nn.Sequential(Linear, activation, Linear, …), one kind of activation "
            " (tanh, relu, gelu, quadratic) and mean cross-entropy or mean squared error"
        )
    inputs, targets = as_reals(x, "x", RunError), torch.as_tensor(_numbers(y, "y"))
    if dense.loss == "mse" and targets.ndim == 1 and not targets.is_floating_point():
        targets = one_hot(targets, dense.widths[-1], torch.float64)
    theta = flat_parameters(module)
    present = _present(dense)
    start = np.zeros(len(present))
    start[present] = theta
    surface = MLP(dense.widths, inputs, targets.numpy(), dense.activation, dense.loss, start=start)
    chosen = present.copy()
    if mask is not None:
        chosen[present] = as_mask(mask, theta.size, error=RunError)
    return surface if chosen.all() else masked(surface, chosen, 0.0)


def _present(dense: Dense) -> NDArray[np.bool_]:
    """Which coordinates of the network with biases this one has (D,)."""
    kinds: list[bool] = []
    for fan_in, fan_out in pairwise(dense.widths):
        kinds += [True] * (fan_in * fan_out) + [dense.bias] * fan_out
    return np.array(kinds)
