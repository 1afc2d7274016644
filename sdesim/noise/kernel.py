"""How the engine finds a noise's compiled fill function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Fills are asked for whole groups of steps, of two or of so many.
GROUP = 4


@dataclass(frozen=True)
class Drawn:
    """Whose increments are drawn ahead of a kernel.

    Attributes:
        seed: 64-bit seed. stream: the first stream number of the noise.
        first, count: number of the first trajectory, and how many.
        rows: how many coordinates.
        steps: of the whole run.
    """

    seed: int
    stream: int
    first: int
    count: int
    rows: int
    steps: int


class Ahead(Protocol):
    """What a noise works out ahead of its fill function, a stretch of steps at a time.

    For increments that depend on the time, or on those before them: on a state that goes on from step to
    step, or on the whole path. No bit may depend on where stretches begin and end.

    Attributes:
        identity: arrays that, with the kernel's own, decide the increments.
        functions: functions of a user's that do.
    """

    @property
    def identity(self) -> tuple[Array, ...]: ...

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]: ...

    def most(self, drawn: Drawn) -> int:
        """The most steps of one stretch."""
        ...

    def reach(self, steps: int) -> int | None:
        """Up to which step the increments of a run of so many are those of any longer one; None: always."""
        ...

    def start(self, drawn: Drawn) -> Array:
        """The state before step 0, (rows, count); (0, count) where there is none."""
        ...

    def arrays(self, drawn: Drawn, begin: int, end: int, state: Array) -> tuple[Array, Array]:
        """params and data for the steps begin … end − 1; the state is moved from before the first to after
        the last. The fill is asked for whole groups of `GROUP` steps, and not heeded outside."""
        ...


@dataclass(frozen=True)
class SingleFill:
    """Names of the fill functions of blocks of float32, four steps at a time.

    Their signature is that of `sdesim.noise.single_kernels`.

    Attributes:
        module: dotted name of the module that holds them.
        function: adds the increments.
        setter: writes them.
    """

    module: str
    function: str
    setter: str


@dataclass(frozen=True)
class NoiseKernel:
    """Name and arguments of a noise's compiled fill function.

    ``fn(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1)`` ADDS to out0 and out1
    the increments, already scaled for dt, of the steps 2·pair and 2·pair + 1 of the trajectories
    first … first + W − 1. Arrays are C-contiguous float64 (d, W); seed is uint64, stream, first and pair
    are int64; scratch0 and scratch1 (d, W) are overwritten. The bits of an increment depend on (seed,
    stream, trajectory, step, coordinate) alone, never on W.

    ``enters`` says what the increments are of:

    - "additive": of θ itself;
    - "multiplicative": of M (d, W), the increment of θ is θ_i dM_i (Itô); ``rate`` (d,) is d⟨M_i⟩/dt;
    - "examples": the rows are the n training examples instead of coordinates: the arrays are (n, W), and the
      increment of θ is Σ_i out[i, w] ∇ℓ_i(θ), by the surface's ``weighted_grad``;
    - "factor": the rows are the k Wiener processes of an equation's own noise, the increment B(t, x) out.

    Attributes:
        module: dotted name of the module that holds the function.
        function: its name.
        params: float64 (p,).
        data: float64, two-dimensional; (0, 0) when unused.
        streams: how many consecutive stream numbers the noise consumes, from the one it is given.
        enters: "additive", "multiplicative", "examples" or "factor".
        gaussian: whether the increments are Gaussian; no scheme claims a strong order for others.
        rate: float64 (d,) for multiplicative noise, empty for others.
        setter: name of a function that writes the increments instead of adding them, or None; it spares the
            first noise of a sum a pass over memory.
        single: fill functions of blocks of float32, or None: such a run then draws in float64 and rounds.
        size: (d,) the standard deviation of an increment of each coordinate, or a scale where there is none,
            of multiplicative noise over θ; None where it is not known, NaN where its least is not, of a
            schedule's. float32 must not round it away.
        dithers: whether increments take many values, over which roundings average out.
        acts: name of a function ``fn(x, seed, stream, first, step, params, data, out)`` that ADDS to the
            increments out (d, W) of one step, from the states x (d, W) at which it begins; None without.
        functions: functions of a user's that can't be imported, by the names "acts"; others are in `module`.
        divisible: whether increments over dt are sums of those over its parts, as those of a process are: a
            limit on what one step takes has no place in it. Steps of different lengths can share them then.
        split: how an increment is taken apart into those of the halves of its step, an object of
            `sdesim.noise.bridge`; None where no way is known.
        ahead: what is worked out ahead of the function, which then gets its params and data from there; None
            for increments that depend on nothing but their number.
        rows: how many increments a step draws, where these are no weights of examples; 0: as `enters` says.
        picks: ``picks(drawn, step)`` → the examples (K, B) whose mean gradient less ∇L the increment of a
            step is, times −√(η dt); None where no minibatch stands behind it.
        drives: ``drives(drawn, step, weights)`` → what gives the inputs a ∇L + b ξ of an optimizer's step at
            θ itself, as `sdesim.training.twinning.drawn_gradients` does, from the weights (K, n) of the
            examples in ξ where there is a function, else None; only schemes that walk by themselves take such
            a noise. None for all others.
    """

    module: str
    function: str
    params: Array
    data: Array = field(default_factory=lambda: np.zeros((0, 0)))
    streams: int = 1
    enters: Literal["additive", "multiplicative", "examples", "factor"] = "additive"
    gaussian: bool = False
    rate: Array = field(default_factory=lambda: np.zeros(0))
    setter: str | None = None
    acts: str | None = None
    functions: Mapping[str, Any] = field(default_factory=dict)
    single: SingleFill | None = None
    size: Array | None = None
    dithers: bool = True
    divisible: bool = False
    split: Any = None
    ahead: Ahead | None = None
    picks: Callable[[Drawn, int], NDArray[np.int64]] | None = None
    drives: Callable[[Drawn, int, Array | None], Any] | None = None
    rows: int = 0
