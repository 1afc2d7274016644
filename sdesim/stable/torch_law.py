# mypy: disable-error-code="no-untyped-call"
"""The stable law in torch: draws on a device with their gradients, and a Distribution with those of log f."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, constraints
from torch.distributions.utils import broadcast_all

from sdesim.errors import SdesimError, first_line
from sdesim.kinds.numbers import as_reals, one_of
from sdesim.kinds.spelling import short
from sdesim.stable.sampling.asked import shape_of

PARAMETRIZATIONS = ("S1", "S0")


def torch_rvs(
    alpha: float | Tensor, beta: float | Tensor = 0.0, size: int | tuple[int, ...] = (), *,
    loc: float | Tensor = 0.0, scale: float | Tensor = 1.0, parametrization: str = "S1",
    generator: torch.Generator | None = None, device: Any = None, dtype: torch.dtype = torch.float64,
) -> Tensor:  # fmt: skip
    """Draws of a stable law by Chambers, Mallows and Stuck, made on the device, in double precision.

    They depend on α, β, loc and scale as their formula does, so that gradients of means flow back to those
    that are tensors (where the mean of what is taken exists).

    Args:
        alpha: α in (0, 2]. beta: β in [−1, 1]. loc, scale: numbers or tensors that broadcast.
        size: shape of the draws, before that of the parameters.
        parametrization: "S1" or "S0".
        generator: of torch, on the same device; default the device's own.
        device: default that of the parameters, else the CPU.
        dtype: of the result.

    Returns:
        Tensor (*size, *shape of the parameters).

    Raises:
        SdesimError: a value out of its range.
    """
    shape = shape_of(size)
    named = {"alpha": alpha, "beta": beta, "loc": loc, "scale": scale}
    given = [p for p in named.values() if isinstance(p, Tensor)]
    if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise SdesimError(f"dtype must be one of torch's floating-point types, got {short(dtype)}")
    try:
        place = torch.device(device) if device is not None else (given[0].device if given else None)
        parts = [_parameter(p, name).to(device=place, dtype=dtype) for name, p in named.items()]
        of_alpha, of_beta, of_loc, of_scale = broadcast_all(*parts)
        law = TorchStable(of_alpha, of_beta, of_loc, of_scale, parametrization)
    # What torch says of a device, of shapes, and of a parameter out of its range.
    except (TypeError, ValueError, RuntimeError) as error:
        raise SdesimError(f"torch_rvs: {first_line(error)}") from error
    return law.rsample(torch.Size(shape), generator=generator)


def _parameter(value: Any, name: str) -> Tensor:
    """A parameter as a tensor of real numbers, one that learns as it is."""
    if isinstance(value, Tensor) and not value.is_complex():
        return value
    return torch.as_tensor(as_reals(value, name))


class TorchStable(Distribution):
    """A stable law as a torch Distribution.

    `rsample` draws on the parameters' device, differentiably in all four. `log_prob` is that of
    `sdesim.stable.logpdf`, evaluated on the CPU in double precision whatever the device, with its gradients
    by x and all four parameters (once; relative error about 1e-9). At α = 2 that by α is the one from below.

    Args:
        alpha: α in (0, 2]. beta: β in [−1, 1]. loc, scale: numbers or tensors that broadcast.
        parametrization: of loc, "S1" or "S0"; gradients of S1 grow without bound next to α = 1.

    Raises:
        SdesimError: an unknown parametrization. ValueError: from torch, a parameter out of its range.
    """

    arg_constraints = {  # noqa: RUF012
        "alpha": constraints.interval(1e-12, 2.0),
        "beta": constraints.interval(-1.0, 1.0),
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True

    def __init__(
        self, alpha: float | Tensor, beta: float | Tensor = 0.0, loc: float | Tensor = 0.0,
        scale: float | Tensor = 1.0, parametrization: str = "S1", validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        one_of(parametrization, PARAMETRIZATIONS, "parametrization")
        self.alpha, self.beta, self.loc, self.scale = broadcast_all(
            *(
                p if isinstance(p, float | int) else _parameter(p, name)
                for name, p in (("alpha", alpha), ("beta", beta), ("loc", loc), ("scale", scale))
            )
        )
        self.parametrization = parametrization
        # Compiling turns off what torch checks by default: what is out of range would pass without a word.
        super().__init__(self.alpha.shape, validate_args=True if validate_args is None else validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> TorchStable:
        """The same law with parameters expanded to a shape."""
        new: TorchStable = self._get_checked_instance(TorchStable, _instance)
        shape = torch.Size(batch_shape)
        for name in self.arg_constraints:
            setattr(new, name, getattr(self, name).expand(shape))
        new.parametrization = self.parametrization
        super(TorchStable, new).__init__(shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        """loc of S1 for α > 1, NaN below."""
        s1 = self.loc if self.parametrization == "S1" else self.loc - self._shift()
        return torch.where(self.alpha > 1.0, s1, torch.full_like(s1, math.nan))

    @property
    def variance(self) -> Tensor:
        """2 scale² at α = 2, ∞ below."""
        return torch.where(self.alpha == 2.0, 2.0 * self.scale**2, torch.full_like(self.scale, math.inf))

    def rsample(self, sample_shape: Any = (), generator: torch.Generator | None = None) -> Tensor:
        """Draws (*sample_shape, *batch_shape), differentiable in the parameters."""
        shape = self._extended_shape(torch.Size(sample_shape))
        real = torch.float32 if self.alpha.device.type == "mps" else torch.float64
        options: dict[str, Any] = {"dtype": real, "device": self.alpha.device, "generator": generator}
        tiny = torch.finfo(real).eps / 4
        u = torch.rand(shape, **options).clamp(tiny, 1.0 - 2 * tiny)
        wait = (-torch.log1p(-torch.rand(shape, **options))).clamp(min=tiny)
        alpha, beta = (p.to(real) for p in (self.alpha, self.beta))
        drawn = self._loc0().to(real) + self.scale.to(real) * _standard(u, wait, alpha, beta)
        return drawn.to(self.alpha.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log f (…,) at values that broadcast with the parameters."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self._loc0()) / self.scale
        z, alpha, beta = torch.broadcast_tensors(z, self.alpha, self.beta)
        found: Tensor = _LogDensity.apply(z, alpha, beta)
        return found - torch.log(self.scale)

    def cdf(self, value: Tensor) -> Tensor:
        """F (…,), without gradients."""
        return self._by_law("cdf", value)

    def icdf(self, value: Tensor) -> Tensor:
        """Quantiles (…,) of probabilities, without gradients."""
        return self._by_law("ppf", value)

    def _by_law(self, name: str, value: Tensor) -> Tensor:
        from sdesim import stable

        parts = (value, self.alpha, self.beta, self.loc, self.scale)
        arrays = [_array(p) for p in torch.broadcast_tensors(*(torch.as_tensor(p) for p in parts))]
        made = np.asarray(getattr(stable, name)(*arrays, parametrization=self.parametrization))
        return _tensor(made, self.alpha)

    def _loc0(self) -> Tensor:
        """Location in S0."""
        return self.loc if self.parametrization == "S0" else self.loc + self._shift()

    def _shift(self) -> Tensor:
        """δ₀ − δ₁ = β σ tan(πα/2), at α = 1 (2/π) β σ log σ, at α = 2 nothing."""
        epsilon = 1.0 - self.alpha
        cauchy, normal = self.alpha == 1.0, self.alpha == 2.0
        # Where the tangent does not serve, another argument keeps its gradient finite.
        tangent = 1.0 / torch.tan(0.5 * math.pi * torch.where(cauchy, torch.ones_like(epsilon), epsilon))
        bend = torch.where(cauchy, (2.0 / math.pi) * torch.log(self.scale), tangent)
        return self.beta * self.scale * torch.where(normal, torch.zeros_like(bend), bend)


def _standard(u: Tensor, wait: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """Draws of the standard S0 law from u uniform on (0, 1) and standard exponential waits.

    The formula is that of `sdesim.stable.sampling.cms.skewed`, in which nothing diverges at α = 1.
    """
    epsilon = 1.0 - alpha
    angle = math.pi * (u - 0.5)
    cosine = torch.sin(math.pi * torch.minimum(u, 1.0 - u))
    share = torch.sinc(0.5 * epsilon)
    # ε/sin(πε/2) and ε tan(πα/2).
    kappa = (2.0 / math.pi) / share
    t_epsilon = kappa * torch.cos(0.5 * math.pi * epsilon)
    y = math.pi * torch.where(beta > 0, u, 1.0 - u)
    cosine_epsilon, sine_epsilon = torch.cos(epsilon * angle), torch.sin(epsilon * angle)
    a = (1.0 - beta.abs()) * cosine_epsilon + beta.abs() * kappa * y * torch.sinc(epsilon * y / math.pi)
    length = torch.log(a / (wait * cosine))
    # As in the compiled draw, cut off so that small α overflow nothing.
    exponent = (epsilon / alpha * length).clamp(-600.0, 600.0)
    close = exponent.abs() < 1e-4
    other = torch.where(close, torch.ones_like(exponent), exponent)
    slope = torch.where(close, 1.0 + exponent * (0.5 + exponent / 6.0), torch.expm1(other) / other)
    half = torch.sinc(0.5 * epsilon * angle / math.pi)
    drift = t_epsilon / alpha * length * slope * cosine_epsilon
    drift = drift - 0.5 * t_epsilon * epsilon * angle**2 * half**2
    return (a * torch.sin(angle) / cosine - sine_epsilon) * torch.exp(exponent) + beta * drift


class _LogDensity(torch.autograd.Function):
    """log f of the standard S0 law at (z, α, β) of one shape."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        arrays = [_array(p).ravel() for p in (z, alpha, beta)]
        if any(ctx.needs_input_grad):
            from sdesim.stable.derivatives import log_density_gradient

            found = log_density_gradient(*arrays)
            ctx.save_for_backward(
                *(_tensor(g.reshape(z.shape), z) for g in (found.x, found.alpha, found.beta))
            )
            value = found.value
        else:
            from sdesim import stable

            a, b = (p[0] if p.size and (p == p[0]).all() else p for p in arrays[1:])
            value = np.asarray(stable.logpdf(arrays[0], a, b, parametrization="S0"))
        return _tensor(value.reshape(z.shape), z)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        by_z, by_alpha, by_beta = ctx.saved_tensors
        return grad * by_z, grad * by_alpha, grad * by_beta


def _array(x: Tensor) -> Any:
    return x.detach().to("cpu", torch.float64).numpy()


def _tensor(x: Any, like: Tensor) -> Tensor:
    """In torch's own memory, on the device and in the type of another."""
    return torch.tensor(x, dtype=like.dtype, device=like.device)
