"""The examples' shares of the gradients of layers, from what each layer was given and gave back.

A layer y_t = W a_t gives example i the gradient Σ_t δ_{it} a_{it}ᵀ, of squared norm Σ_{t,s} (δ_{it}·δ_{is})
(a_{it}·a_{is}); where that costs more, T²(in + out) > T·in·out, the gradient itself is made, of a few
examples at a time. A weight that is used several times has the sum over all uses, with their cross terms: the
positions t of all uses stand side by side. An embedding is such a layer whose δ is a one at the token.

Sources: I. Goodfellow, arXiv:1510.01799 (one position); X. Li et al., arXiv:2110.05679, and Z. Bu et al.,
arXiv:2205.10683 (sequences); R. Freivalds, Probabilistic machines can use less running time, IFIP 1977.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.training.probes.library_layers import is_product, scale_of

# The shares of the examples add up to the batch's gradient to this part of its norm, or they are not shares.
AGREED = 1e-3
# A gradient of this part of all is judged as one of this part.
_SMALL = 1e-2
# Most numbers of gradients made at a time: 64 MB.
_ROOM = 2**24
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)


@dataclass(frozen=True, eq=False)
class _Use:
    """One call of a weight (out, in), in G groups: left factors (B·G, T, out), or numbers of rows (B, T)
    with a one in each; right (B·G, T, in)."""

    left: Tensor
    right: Tensor

    @property
    def rows(self) -> bool:
        return not self.left.is_floating_point()


class LayerShares:
    """The examples' shares of the gradients of parameters, from what their layers were given and gave back.

    Args:
        parameters: by their ids. size: B.
    """

    def __init__(self, parameters: Mapping[int, Tensor], size: int) -> None:
        self._parameters, self._size = parameters, size
        self._uses: dict[int, list[_Use]] = {}
        self._vectors: dict[int, Tensor] = {}
        self._done: dict[int, Tensor] = {}
        # Σ_i c_i v, in which v is the same for every reading: what the gradient times v has to be.
        self._projected: dict[int, Tensor] = {}
        self._matrices: set[int] = set()
        self._met: dict[int, Tensor] = {}
        self._norms: dict[int, Tensor] = {}

    def add(self, part: nn.Module, given: Tensor, delta: Tensor, *, last: bool = False) -> None:
        """One call of a layer: its input and the gradient of its output.

        Args:
            last: whether its parameters have no other use: then the call is worked out and let go of.

        Raises:
            RunError: it is not called on the examples.
        """
        if len(delta) != self._size or len(given) != self._size:
            raise RunError(
                f"example_norms: a {type(part).__name__} is not called on the {self._size} examples"
            )
        for owner, what in _shares(part, given, delta):
            key = id(owner)
            if key not in self._parameters:
                continue
            if isinstance(what, _Use):
                self._uses.setdefault(key, []).append(what)
                self._matrices.add(key)
                made = _projected(what, owner)
            else:
                self._vectors[key] = what + self._vectors[key] if key in self._vectors else what
                made = what.sum(dim=0).reshape(-1)
            self._projected[key] = made + self._projected[key] if key in self._projected else made
            if last:
                self._done[key] = self.squares(key)
                self._uses.pop(key, None)
                self._vectors.pop(key, None)

    def squares(self, key: int) -> Tensor:
        """|c_i|² (B,), float64, of a parameter."""
        if key in self._done:
            return self._done[key]
        p, uses, vector = self._parameters[key], self._uses.get(key, []), self._vectors.get(key)
        squares = torch.zeros(self._size, dtype=torch.float64, device=p.device)
        if vector is not None:
            squares += vector.double().reshape(self._size, -1).square().sum(dim=1)
        if uses:
            squares += _squares(uses, p, self._size)
        return squares

    def meet(self, gradients: Mapping[int, Tensor | None]) -> None:
        """A gradient that the shares have to add up to, or a part of it, by the ids of its parameters."""
        for key, gradient in gradients.items():
            if gradient is None or key not in self._parameters:
                continue
            if key in self._matrices:
                matrix = gradient.reshape(len(gradient), -1)
                seen = matrix @ _signs(matrix.shape[1], matrix.dtype, matrix.device)
            else:
                # Who clips the gradient afterwards writes to it.
                seen = gradient.reshape(-1).clone()
            self._met[key] = seen + self._met[key] if key in self._met else seen
            norm = torch.linalg.vector_norm(gradient)
            self._norms[key] = norm + self._norms[key] if key in self._norms else norm

    def off(self) -> dict[int, Tensor]:
        """How far the shares are from adding up to the gradient that they met, as a part of it (0-d): 0 but
        for rounding, about 1 where a parameter is used in another way too. Of a gradient that is less than
        a hundredth of all together, as a part of that hundredth: a bias of keys has one of rounding alone.

        Of a matrix it is seen along one direction v of signs (Freivalds): (G − Σ c_i)v, whose mean square
        over v is |G − Σ c_i|².
        """
        found, norms = {}, [*self._norms.values(), torch.zeros(())]
        least = _SMALL * torch.linalg.vector_norm(torch.stack([norm.to(norms[0]) for norm in norms]))
        for key, p in self._parameters.items():
            made, met = self._projected.get(key), self._met.get(key)
            rest = torch.zeros((), device=p.device)
            if made is not None or met is not None:
                whole = made if met is None else met if made is None else met - made.to(met)
                assert whole is not None
                rest = torch.linalg.vector_norm(whole)
            norm = self._norms.get(key, torch.zeros_like(rest))
            found[key] = rest / (torch.maximum(norm, least.to(norm)) + 1e-30)
        return found


def known_layer(part: nn.Module) -> bool:
    """Whether the shares of the examples are known of a layer of this kind, with its settings."""
    if isinstance(part, _CONVOLUTIONS):
        return part.padding_mode == "zeros" and not isinstance(part.padding, str)
    if isinstance(part, nn.Embedding):
        return part.max_norm is None and not part.scale_grad_by_freq and not part.sparse
    own = isinstance(part, nn.Linear | nn.LayerNorm | nn.RMSNorm | nn.GroupNorm)
    return own or is_product(part) or scale_of(part) is not None


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
    elif is_product(part):
        right = delta.reshape(size, -1, delta.shape[-1])
        yield part.weight, _Use(a.reshape(size, -1, a.shape[-1]), right)  # type: ignore[misc]
        yield part.bias, right.sum(dim=1)  # type: ignore[misc]
    elif (added := scale_of(part)) is not None:
        yield from _of_norm(part, delta, _rooted(a, added), tuple(range(1, a.ndim - 1)))


def _rooted(a: Tensor, added: float) -> Tensor:
    return nn.functional.rms_norm(a, a.shape[-1:], eps=added)


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


def _projected(use: _Use, p: Tensor) -> Tensor:
    """The shares of all examples together, times the signs: (rows of the weight,)."""
    signs = _signs(use.right.shape[2], use.right.dtype, use.right.device)
    met = use.right @ signs
    if use.rows:
        return met.new_zeros(len(p)).index_add(0, use.left.reshape(-1), met.reshape(-1))
    groups = len(p) // use.left.shape[2]
    if groups == 1:
        return use.left.flatten(0, 1).T @ met.reshape(-1)
    left, right = use.left.reshape(-1, groups, *use.left.shape[1:]), met.reshape(-1, groups, met.shape[1])
    return torch.einsum("bgto,bgt->go", left, right).reshape(-1)


@lru_cache(maxsize=64)
def _signs(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """n signs, always the same."""
    drawn = torch.randint(0, 2, (n,), generator=torch.Generator().manual_seed(n), device="cpu")
    signs: Tensor = 2 * drawn - 1
    return signs.to(device=device, dtype=dtype)


def _squares(uses: Sequence[_Use], p: Tensor, size: int) -> Tensor:
    """Squared norm (B,) of each example's share, over all uses of the weight."""
    positions = sum(use.right.shape[1] for use in uses)
    inner = uses[0].right.shape[2]
    outer = p.numel() // inner if len(p.shape) == 2 else uses[0].left.shape[2]
    dense = not any(use.rows for use in uses)
    if dense and positions > 1 and positions * (inner + outer) > inner * outer:
        by_gradients = _by_gradients(uses, inner * outer)
        return by_gradients.reshape(size, -1).sum(dim=1)
    if dense and positions == 1:
        # |δ_i|²|a_i|² of one position.
        left, right = uses[0].left[:, 0], uses[0].right[:, 0]
        each: Tensor = torch.linalg.vector_norm(left, dim=1) * torch.linalg.vector_norm(right, dim=1)
        return each.double().square().reshape(size, -1).sum(dim=1)
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
