"""What every scheme states: its update, its orders, and which noises it can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sdesim.noise.base import NoiseKernel

# The sorts of noise that matter to a scheme. "levy" is any additive noise that is not Gaussian.
GAUSSIAN, LEVY, MULTIPLICATIVE, MINIBATCH = "gaussian", "levy", "multiplicative", "minibatch"
# B(t, x) dW of an equation of its own, any or one whose columns commute.
FACTOR, COMMUTING = "factor", "commuting"
Orders = Mapping[str, float | None]


class _Name:
    """`Scheme.name`: the kind's name, or that of the class where it is no registered kind."""

    def __get__(self, scheme: Base | None, cls: type) -> str:
        return str(getattr(cls, "kind", cls.__name__))


class Base:
    """The base of every scheme: an object with its parameters. A subclass is best a frozen dataclass.

    Its ``step(x, v, i, j, m, w, surface, p, rate, dt, work)`` moves a block (d, W) of states in place. It is
    compiled together with the functions of the surface and the noises of a run, which it calls by name:

    - ``grad(x, *surface, out)``, ``hvp(x, u, *surface, out)``: of the surface;
    - ``noise_at(x, i, m, w, surface, out)``: the increment ΔN of the noises at state x, (d, W): ``out``, or
      ``i`` itself where no noise depends on the state;
    - ``coordinate_noise(x, i, m, out)``: the same without minibatch noise, and
      ``weighted_grad(x, w, *surface, out)``, which makes that noise of the weights of the examples.

    - ``later(surface, lapse)``: what follows is read at a time later by that, where the drift knows the time;
      a step begins at its own.

    x: states; v: a second state (velocity), (0, W) unless `velocity`; i, j, m: increments of the additive and
    multiplicative noises, j a second independent set, (0, W) unless `auxiliary`; w: weights of the examples,
    or increments dW of the equation's own noise; p: `params`; rate: Σ d⟨M⟩/dt (d,) of the multiplicative
    noises, empty without; work: (`scratch`, d, W).

    Attributes:
        name: what `simulate(scheme=…)` and scenario files call it.
        strong_order, weak_order: by sort of noise, for smooth and globally Lipschitz ∇L; None where none is
            claimed. The keys are the noises that the scheme takes. Those for minibatch noise are of its law
            "gaussian" as dt → 0 at fixed η, or of "subsample" as dt = η → 0.
        velocity: whether there is a second state.
        auxiliary: whether a second set of Gaussian increments is drawn.
        scratch: how many work arrays the step needs; `work_arrays` where that depends on d.
        solves: whether a step solves equations: in lanes where it did not, the state is NaN after it, and
            work[0, 0] is 1, else 0.
        imported: compiled functions of modules that the step calls, name → module.
        needs_hvp: whether it uses Hessian-vector products.
        exclusive: whether additive and multiplicative noise can't be combined.
        of_a_loss: whether it is of descent or of a force, so that a drift of its own has no place in it.
        explicit: whether the drift acts by its value at the start of a step, so that a long one overshoots.
        halves: whether steps of different lengths can follow one another under additive noise.
        reads: how it reads a noise that depends on the state: "ito" or "stratonovich".
        converts: whether the step uses `rate`, so that it must not change in time.
        steps_by_learning_rate: whether it is a map of SGD's, which has no meaning unless dt = η.
        momentum, nesterov: of the optimizer whose map it is.
        single: whether the step also works in float32: no tolerance of it lies below its rounding.
        chooses: whether it stands for what suits the case, and is none of its own.
        walks: whether it moves all trajectories itself, by `ensemble`, in the place of a compiled step. Then
            nothing watches them within a step, and time, learning rate and readings are its own: it has
            ``times(steps)``, ``rates(steps)`` and ``sde_times(steps)`` of step numbers (S,) → (S,), and
            ``further_variables(probes, known)``, names of the schema that its readings give beyond those of
            every run.
    """

    name = _Name()
    strong_order: ClassVar[Orders] = MappingProxyType({})
    weak_order: ClassVar[Orders] = MappingProxyType({})
    velocity: ClassVar[bool] = False
    auxiliary: ClassVar[bool] = False
    scratch: ClassVar[int] = 2
    solves: ClassVar[bool] = False
    imported: ClassVar[Mapping[str, str]] = MappingProxyType({})
    needs_hvp: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False
    of_a_loss: ClassVar[bool] = False
    explicit: ClassVar[bool] = False
    halves: ClassVar[bool] = False
    reads: ClassVar[str] = "ito"
    converts: ClassVar[bool] = False
    steps_by_learning_rate: ClassVar[bool] = False
    momentum: float = 0.0
    nesterov: bool = False
    single: ClassVar[bool] = False
    walks: ClassVar[bool] = False
    chooses: ClassVar[bool] = False

    def ensemble(self, plan: Any, threads: int) -> Any:
        """All trajectories of a plan, of a scheme that moves them itself; it has what a simulation asks of
        `sdesim.engine.ensemble.Ensemble`."""
        raise NotImplementedError(f"{type(self).__name__} must have ensemble(plan, threads), as it walks")

    def resolved(
        self, surface: Any, noises: Sequence[Any], growth: Callable[[Any], float] | None = None,
        tangent: bool = False,
    ) -> Base:  # fmt: skip
        """The scheme itself; of `Auto` what it chooses, of `Milstein` the step that fits the equation."""
        return self

    def params(self, dt: float) -> NDArray[np.float64]:
        """The constants p of the step; none by default."""
        return np.zeros(0)

    def work_arrays(self, dim: int) -> int:
        """How many work arrays (d, W) a step needs."""
        return self.scratch

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step first, then what it calls, and ``prepare(x, v, surface, dt, work)`` where v starts off 0.

        Their source is compiled, so they can read no global values but ``np``.

        Args:
            weighted: whether a noise is of the examples' gradients.
        """
        raise NotImplementedError(f"{type(self).__name__} must have functions(), which gives its step")

    def separable_step(self) -> Callable[..., Any] | None:
        """The same step for surfaces with a ``slope(y, i, params)``, which it calls in the place of ``grad``.

        After work it takes `bound`, and returns whether |an entry of x| is not below it: with ∞, whether one
        is no number or infinite. The bits are those of the plain step. None: there is none.
        """
        return None

    def tangent_step(self) -> Callable[..., Any] | None:
        """The step that carries a tangent vector too, of `sdesim.engine.kernels.tangent`; None: none does."""
        return None


Scheme = Base


def orders(**by_noise: float | None) -> Orders:
    """A read-only table of orders."""
    return MappingProxyType(by_noise)


def sort_of(noise: NoiseKernel) -> str:
    """Which of the four sorts a noise is."""
    if noise.enters == "multiplicative":
        return MULTIPLICATIVE
    if noise.enters == "examples":
        return MINIBATCH
    if noise.enters == "factor":
        return FACTOR
    return GAUSSIAN if noise.gaussian else LEVY


_WORDS = {
    GAUSSIAN: "Gaussian noise",
    LEVY: "additive noise other than white Gaussian, such as Lévy or coloured noise",
    MULTIPLICATIVE: "multiplicative noise",
    MINIBATCH: "minibatch noise",
    FACTOR: "a diffusion of the equation's own",
    COMMUTING: "one of the equation's own whose columns commute",
}


def own_sort(scheme: Scheme, structure: str) -> str:
    """Which sort B dW of an equation's own is to a scheme, by the `structure` of B."""
    return COMMUTING if COMMUTING in scheme.strong_order and structure != "general" else FACTOR


def stated_orders(scheme: Scheme, sorts: Sequence[str]) -> tuple[float | None, float | None]:
    """Strong and weak order under noises of these sorts together; None where none is claimed."""
    found = []
    for table in (scheme.strong_order, scheme.weak_order):
        orders = [table.get(sort) for sort in sorts]
        known = [order for order in orders if order is not None]
        found.append(min(known) if known and len(known) == len(orders) else None)
    return found[0], found[1]


def misfits(scheme: Scheme, sorts: Sequence[str]) -> Iterator[str]:
    """Why the scheme can't take noises of these sorts, one line each."""
    for sort in dict.fromkeys(sorts):
        if sort not in scheme.strong_order:
            taken = ", ".join(_WORDS[s] for s in scheme.strong_order) or "no noise"
            yield f"scheme {scheme.name!r} takes {taken}; it can't take {_WORDS.get(sort, sort)}"
    if scheme.exclusive and len(set(sorts)) > 1:
        yield f"scheme {scheme.name!r} takes additive or multiplicative noise, not both together"
