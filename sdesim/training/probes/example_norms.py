"""Norms of the gradients of single examples from one backward pass, without these gradients.

A layer y_t = W a_t gives example i the gradient Σ_t δ_{it} a_{it}ᵀ, of squared norm Σ_{t,s} (δ_{it}·δ_{is})
(a_{it}·a_{is}); where that costs more, T²(in + out) > T·in·out, the gradient itself is made, of a few
examples at a time. A weight that is used several times has the sum over all uses, with their cross terms: the
positions t of all uses stand side by side. An embedding is such a layer whose δ is a one at the token. Hooks
see the shares of the batch's mean, so that g_i is B times what they give.

Sources: I. Goodfellow, arXiv:1510.01799 (one position); X. Li et al., arXiv:2110.05679, and Z. Bu et al.,
arXiv:2205.10683 (sequences).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.training.data.batches import call, length, mapped
from sdesim.training.probes.reduction import MEAN, reduction_of

# The shares of the examples add up to the batch's gradient to this part of its norm, or they are not shares.
AGREED = 1e-3
# Most numbers of gradients made at a time: 64 MB.
_ROOM = 2**24
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)


@dataclass(frozen=True, eq=False)
class ExampleNorms:
    """|g_i|² (B,), float64, and |ḡ|² of one batch.

    Attributes:
        squares: of the gradient of each example's own loss. mean: of the batch's gradient, their mean.
        parts: squares of each parameter that is trained, by name; gradients: of the batch.
    """

    squares: Tensor
    mean: float
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    gradients: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def noise(self) -> float:
        """Tr Σ₁ = (mean |g_i|² − |ḡ|²) B/(B − 1), without bias."""
        n = len(self.squares)
        return (float(self.squares.mean()) - self.mean) * n / (n - 1)


@dataclass(frozen=True, eq=False)
class _Use:
    """One call of a weight (out, in), in G groups: left factors (B·G, T, out), or numbers of rows (B, T)
    with a one in each; right (B·G, T, in)."""

    left: Tensor
    right: Tensor

    @property
    def rows(self) -> bool:
        return not self.left.is_floating_point()


def example_norms(module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any) -> ExampleNorms:
    """Squared norms of the examples' gradients at the present weights, exact, from one backward pass.

    Args:
        module: of Linear, Conv1d, Conv2d, Embedding, LayerNorm, RMSNorm and GroupNorm layers, as far as they
            have parameters that are trained; each may be used several times, and weights may be shared.
        loss_fn: ``loss_fn(output, y)`` → the mean of the examples' losses. x, y: B ≥ 2 examples.

    Raises:
        RunError: a parameter that is used in another way, examples that meet (batch normalisation in
            training), or a loss that is no mean: in one line, which.
    """
    size = length(x)
    if size < 2:
        raise RunError(f"example_norms needs at least 2 examples, got {size}")
    refuse_meeting(module)
    parameters = {id(p): (name, p) for name, p in module.named_parameters() if p.requires_grad}
    if not parameters:
        raise RunError("example_norms: the module has no parameters to train")
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(part: nn.Module, given: tuple[Any, ...], output: Tensor) -> Tensor:
        if not given:
            raise RunError(f"example_norms: a {type(part).__name__} is called by keywords")
        calls.append((part, given[0].detach(), output))
        # What follows may write to it.
        return output.clone()

    with ExitStack() as stack, torch.enable_grad():
        for part in module.modules():
            if any(id(p) in parameters for p in part.parameters(recurse=False)) and known_layer(part):
                stack.callback(part.register_forward_hook(note).remove)
        output = call(module, x)
        value = loss_fn(output, y)
    with torch.no_grad():
        reduction = reduction_of(loss_fn, mapped(output, torch.Tensor.detach), y)
    if reduction != MEAN:
        raise RunError(f"example_norms needs a loss that is the mean of the examples', this is: {reduction}")
    outputs, weights = [output for _, _, output in calls], [p for _, p in parameters.values()]
    found = torch.autograd.grad(value, [*outputs, *weights], allow_unused=True)
    used = [
        (part, given, delta)
        for (part, given, _), delta in zip(calls, found[: len(outputs)], strict=True)
        if delta is not None
    ]
    whole = {
        name: torch.zeros_like(p) if gradient is None else gradient
        for (name, p), gradient in zip(parameters.values(), found[len(outputs) :], strict=True)
    }
    parts = {name: s * size**2 for name, s in share_squares(used, parameters, whole, size).items()}
    mean = sum(float(gradient.double().square().sum()) for gradient in whole.values())
    return ExampleNorms(torch.stack(list(parts.values())).sum(dim=0), mean, parts, whole)


def refuse_meeting(module: nn.Module) -> None:
    """Refuse a module in which examples meet.

    Raises:
        RunError: batch normalisation in training.
    """
    for name, part in module.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.training:
            raise RunError(f"example_norms: examples meet in {name}: there is no gradient of a single one")


def share_squares(
    calls: Sequence[tuple[nn.Module, Tensor, Tensor]], parameters: Mapping[int, tuple[str, Tensor]],
    gradients: Mapping[str, Tensor | None], size: int, agreed: float = AGREED,
) -> dict[str, Tensor]:  # fmt: skip
    """|c_i|² (B,) of the examples' shares c_i of a gradient Σ_i c_i, float64, of each parameter by name.

    Args:
        calls: layer, input and gradient of its output, of each of its calls.
        parameters: id → (name, parameter). gradients: of each by name, None for zeros. size: B.

    Raises:
        RunError: a parameter that is used in another way, or a layer that is not called on the examples.
    """
    matrices: dict[int, list[_Use]] = {}
    vectors: dict[int, Tensor] = {}
    for part, given, delta in calls:
        if len(delta) != size or len(given) != size:
            raise RunError(f"example_norms: a {type(part).__name__} is not called on the {size} examples")
        for owner, what in _shares(part, given, delta):
            if id(owner) not in parameters:
                continue
            if isinstance(what, _Use):
                matrices.setdefault(id(owner), []).append(what)
            else:
                vectors[id(owner)] = what + vectors[id(owner)] if id(owner) in vectors else what
    parts = {}
    for key, (name, p) in parameters.items():
        gradient = gradients[name]
        whole = torch.zeros_like(p) if gradient is None else gradient
        uses, vector = matrices.get(key, []), vectors.get(key)
        total = torch.zeros_like(p)
        for use in uses:
            total += _summed(use, p)
        if vector is not None:
            total += vector.sum(dim=0).reshape(p.shape)
        if not float((total - whole).norm()) <= agreed * float(whole.norm()) + 1e-30:
            raise RunError(f"example_norms: {name} is used in another way than by its own layer")
        squares = torch.zeros(size, dtype=torch.float64, device=p.device)
        if vector is not None:
            squares += vector.double().reshape(size, -1).square().sum(dim=1)
        if uses:
            squares += _squares(uses, p, size)
        parts[name] = squares
    return parts


def known_layer(part: nn.Module) -> bool:
    """Whether the shares of the examples are known of a layer of this kind, with its settings."""
    if isinstance(part, _CONVOLUTIONS):
        return part.padding_mode == "zeros" and not isinstance(part.padding, str)
    if isinstance(part, nn.Embedding):
        return part.max_norm is None and not part.scale_grad_by_freq and not part.sparse
    return isinstance(part, nn.Linear | nn.LayerNorm | nn.RMSNorm | nn.GroupNorm)


def _shares(part: nn.Module, a: Tensor, delta: Tensor) -> Iterator[tuple[Tensor, _Use | Tensor]]:
    """Parameters of a layer with the examples' shares of their gradients: factors, or vectors (B, …)."""
    size = len(a)
    if isinstance(part, nn.Embedding):
        rows, right = a.reshape(size, -1), delta.reshape(size, -1, delta.shape[-1])
        if part.padding_idx is not None:
            right = right * (rows != part.padding_idx)[..., None]
        yield part.weight, _Use(rows, right)
    elif isinstance(part, nn.Linear):
        left = delta.reshape(size, -1, delta.shape[-1])
        yield part.weight, _Use(left, a.reshape(size, -1, a.shape[-1]))
        if part.bias is not None:
            yield part.bias, left.sum(dim=1)
    elif isinstance(part, _CONVOLUTIONS):
        yield from _of_convolution(part, a, delta)
    elif isinstance(part, nn.LayerNorm | nn.RMSNorm):
        own = tuple(range(a.ndim - len(part.normalized_shape), a.ndim))
        between = tuple(range(1, own[0]))
        norm: Any = nn.functional.rms_norm if isinstance(part, nn.RMSNorm) else nn.functional.layer_norm
        yield from _of_norm(part, delta, norm(a, part.normalized_shape, eps=part.eps), between)
    elif isinstance(part, nn.GroupNorm):
        normed = nn.functional.group_norm(a, part.num_groups, eps=part.eps)
        yield from _of_norm(part, delta, normed, tuple(range(2, a.ndim)))


def _of_norm(
    part: Any, delta: Tensor, normed: Tensor, over: tuple[int, ...]
) -> Iterator[tuple[Tensor, Tensor]]:
    for owner, share in ((part.weight, delta * normed), (getattr(part, "bias", None), delta)):
        if owner is not None:
            yield owner, share.sum(dim=over) if over else share


def _of_convolution(part: Any, a: Tensor, delta: Tensor) -> Iterator[tuple[Tensor, _Use | Tensor]]:
    """A convolution is a linear layer of patches, in each of its groups."""
    size, flat = len(a), isinstance(part, nn.Conv1d)
    settings = {name: getattr(part, name) for name in ("kernel_size", "dilation", "padding", "stride")}
    if flat:
        # A row of height 1.
        a = a[:, :, None]
        settings = {name: (0 if name == "padding" else 1, *value) for name, value in settings.items()}
    patches = nn.functional.unfold(a, **settings)
    left = delta.reshape(size, part.groups, delta.shape[1] // part.groups, -1)
    right = patches.reshape(size, part.groups, patches.shape[1] // part.groups, -1)
    yield part.weight, _Use(left.flatten(0, 1).transpose(1, 2), right.flatten(0, 1).transpose(1, 2))
    if part.bias is not None:
        yield part.bias, delta.flatten(2).sum(dim=2)


def _summed(use: _Use, p: Tensor) -> Tensor:
    """The shares of all examples together, in the shape of the weight."""
    if use.rows:
        return torch.zeros_like(p).index_add(0, use.left.reshape(-1), use.right.flatten(0, 1).to(p))
    groups = len(p) // use.left.shape[2]
    left, right = (part.reshape(-1, groups, *part.shape[1:]) for part in (use.left, use.right))
    return torch.einsum("bgto,bgti->goi", left, right).reshape(p.shape)


def _squares(uses: Sequence[_Use], p: Tensor, size: int) -> Tensor:
    """Squared norm (B,) of each example's share, over all uses of the weight."""
    positions = sum(use.right.shape[1] for use in uses)
    inner = uses[0].right.shape[2]
    outer = p.numel() // inner if len(p.shape) == 2 else uses[0].left.shape[2]
    dense = not any(use.rows for use in uses)
    if dense and positions * (inner + outer) > inner * outer:
        return _by_gradients(uses, inner * outer).reshape(size, -1).sum(dim=1)
    total = torch.zeros(len(uses[0].right), dtype=torch.float64, device=p.device)
    for k, one in enumerate(uses):
        for other in uses[k:]:
            both = (_met(one, other) * (one.right @ other.right.transpose(1, 2))).double().sum(dim=(1, 2))
            total += both if one is other else 2 * both
    return total.reshape(size, -1).sum(dim=1)


def _by_gradients(uses: Sequence[_Use], numbers: int) -> Tensor:
    """The same from the shares themselves, some examples at a time."""
    step, found = max(1, _ROOM // numbers), []
    for at in range(0, len(uses[0].left), step):
        made = sum(use.left[at : at + step].transpose(1, 2) @ use.right[at : at + step] for use in uses)
        assert isinstance(made, Tensor)
        found.append(made.double().square().sum(dim=(1, 2)))
    return torch.cat(found)


def _met(one: _Use, other: _Use) -> Tensor:
    """δ_t·δ_s of two uses (B, T, S), where a row number stands for a one in its place."""
    if one.rows and other.rows:
        return (one.left[:, :, None] == other.left[:, None, :]).to(one.right)
    if one.rows:
        return _met(other, one).transpose(1, 2)
    if other.rows:
        return one.left.gather(2, other.left[:, None, :].expand(-1, one.left.shape[1], -1))
    return one.left @ other.left.transpose(1, 2)
