"""What every scheme states: its update, its orders, and which noises it can take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.noise.base import NoiseKernel
from sdesim.surfaces.base import SurfaceKernel

# The sorts of noise that matter to a scheme. "levy" is any additive noise that is not Gaussian.
GAUSSIAN, LEVY, MULTIPLICATIVE, MINIBATCH = "gaussian", "levy", "multiplicative", "minibatch"
Orders = Mapping[str, float | None]


class Scheme(Protocol):
    """A frozen object with the parameters of a scheme.

    Its ``step(x, v, i, j, m, w, surface, p, rate, dt, work)`` moves a block (d, W) of states in place. It is
    compiled together with the functions of the surface and the noises of a run, which it calls by name:

    - ``grad(x, *surface, out)``, ``hvp(x, u, *surface, out)``: of the surface;
    - ``noise_at(x, i, m, w, surface, out)``: the increment ΔN of the noises at state x, (d, W): ``out``, or
      ``i`` itself where no noise depends on the state;
    - ``coordinate_noise(x, i, m, out)``: the same without minibatch noise, and
      ``weighted_grad(x, w, *surface, out)``, which makes that noise of the weights of the examples.

    x: states; v: a second state (velocity), (0, W) unless `velocity`; i, j, m: increments of the additive and
    multiplicative noises, j a second independent set, (0, W) unless `auxiliary`; w: weights of the examples;
    p: `params`; rate: Σ d⟨M⟩/dt (d,) of the multiplicative noises, empty without; work: (`scratch`, d, W).

    Attributes:
        name: what `simulate(scheme=…)` and scenario files call it.
        strong_order, weak_order: by sort of noise, for smooth and globally Lipschitz ∇L; None where none is
            claimed. The keys are the noises that the scheme takes. Those for minibatch noise are of its law
            "gaussian" as dt → 0 at fixed η, or of "subsample" as dt = η → 0.
        velocity: whether there is a second state.
        auxiliary: whether a second set of Gaussian increments is drawn.
        scratch: how many work arrays the step needs.
        needs_hvp: whether it uses Hessian-vector products.
        exclusive: whether additive and multiplicative noise can't be combined.
    """

    name: ClassVar[str]
    strong_order: ClassVar[Orders]
    weak_order: ClassVar[Orders]
    velocity: ClassVar[bool] = False
    auxiliary: ClassVar[bool] = False
    scratch: ClassVar[int] = 2
    needs_hvp: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False

    def params(self, dt: float) -> NDArray[np.float64]:
        """The constants p of the step; none by default."""
        return np.zeros(0)

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step first, then what it calls, and ``prepare(x, v, surface, dt, work)`` where v starts off 0.

        Args:
            weighted: whether a noise is of the examples' gradients.
        """
        ...


def orders(**by_noise: float | None) -> Orders:
    """A read-only table of orders."""
    return MappingProxyType(by_noise)


def sort_of(noise: NoiseKernel) -> str:
    """Which of the four sorts a noise is."""
    if noise.enters == "multiplicative":
        return MULTIPLICATIVE
    if noise.enters == "examples":
        return MINIBATCH
    return GAUSSIAN if noise.gaussian else LEVY


_WORDS = {
    GAUSSIAN: "Gaussian noise",
    LEVY: "Lévy noise (α-stable below 2, truncated or tempered)",
    MULTIPLICATIVE: "multiplicative noise",
    MINIBATCH: "minibatch noise",
}


def check_sorts(scheme: Scheme, sorts: Sequence[str]) -> None:
    """Refuse noises that the scheme cannot take.

    Raises:
        SdesimError: naming the noise and the scheme's limits.
    """
    for sort in sorts:
        if sort not in scheme.strong_order:
            taken = ", ".join(_WORDS[s] for s in scheme.strong_order)
            raise SdesimError(f"scheme {scheme.name!r} takes {taken}; it can't take {_WORDS[sort]}")
    if scheme.exclusive and len(set(sorts)) > 1:
        raise SdesimError(f"scheme {scheme.name!r} takes additive or multiplicative noise, not both together")


def check_scheme(scheme: Scheme, surface: SurfaceKernel, noises: Sequence[NoiseKernel]) -> None:
    """Refuse what the scheme cannot do with compiled surfaces and noises.

    Raises:
        SdesimError: naming what it can't take.
    """
    check_sorts(scheme, [sort_of(noise) for noise in noises])
    if scheme.needs_hvp and surface.hvp is None and "hvp" not in surface.functions:
        raise SdesimError(f"scheme {scheme.name!r} needs a surface with a compiled Hessian-vector product")
