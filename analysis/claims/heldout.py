"""C70, C71: the signal of a finite training set and the gradient of the population loss (§2, §4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.support import ANYTHING, CORRELATION, SHARE

from .crowd import Crowd, Descent, crowd, one_hot, tensor
from .estimates import Array, mean, single
from .lab import Lab, shared
from .ledger import MEASURED, Finding, claim
from .plots import CLAIMED, GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, together

if TYPE_CHECKING:
    from torch import Tensor

_BATCH, _EXAMPLES = 16, 300
_MOMENTS = (0, 10, 30, 100, 300, 1000, 3000)


@dataclass(frozen=True)
class Heldout:
    """Trainings on digits, each with images and starting weights of its own: (splits, moments).

    Attributes:
        steps: (moments,).
        plain: cos(∇L of the training set, ∇L of the held-out images).
        cosine: the same with the population gradient, without what the finite number of held-out images
            takes from it.
        p: C/(1 + C) at the training's batch, exact.
        helped: share of trial steps from this state that lower the held-out loss.
    """

    steps: NDArray[np.int64]
    plain: Array
    cosine: Array
    p: Array
    helped: Array


@shared
def heldout(lab: Lab) -> Heldout:
    """64-32-10 tanh networks, SGD with η = 0.2 and B = 16 drawn with replacement, on 300 digits."""
    from sdesim.data import digits
    from sdesim.training.loop.one_seed import isolated_torch

    splits, rng = lab.size(30, 3), lab.rng("heldout")
    steps = [s for s in _MOMENTS if s <= lab.size(_MOMENTS[-1], 100)]
    sets = [digits(_EXAMPLES, 1400, 1000 * lab.seed + k) for k in range(splits)]
    found: tuple[list[Array], ...] = ([], [], [], [])
    with isolated_torch():
        x, held_x = (tensor(np.stack([getattr(s, name) for s in sets])) for name in ("x_train", "x_test"))
        y, held_y = (one_hot(np.stack([getattr(s, n) for s in sets]), 10) for n in ("y_train", "y_test"))
        nets = crowd([64, 32, 10], splits, rng, "tanh")
        descent = Descent(nets, 0.2)
        for step in range(steps[-1] + 1):
            if step in steps:
                c = _BATCH * nets.c_one(x, y)
                plain, cosine = _cosines(nets, x, y, held_x, held_y)
                helped = _helped(nets, x, y, held_x, held_y, lab.size(80, 10), rng)
                values = plain, cosine, c / (1 + c), helped
                for into, value in zip(found, values, strict=True):
                    into.append(value)
            descent.step(*_drawn(x, y, rng))
    return Heldout(np.array(steps), *(np.stack(f, axis=1) for f in found))


def _drawn(x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A batch of each network's own examples, with replacement."""
    import torch

    runs, n = x.shape[:2]
    rows = torch.from_numpy(rng.integers(n, size=(runs, _BATCH)))
    each = torch.arange(runs)[:, None]
    return x[each, rows], y[each, rows]


def _flat(gradients: list[Tensor]) -> Tensor:
    """(R, d) in double precision."""
    import torch

    return torch.cat([g.double().flatten(1) for g in gradients], dim=1)


def _cosines(nets: Crowd, x: Tensor, y: Tensor, held_x: Tensor, held_y: Tensor) -> tuple[Array, Array]:
    """Cosine of the training gradient with the held-out one, and with the population's.

    Halves a and b of the held-out images are independent, so that a·b is |∇L|² on average, without the
    noise that |∇L|² of a finite sample holds.
    """
    g, half = _flat(nets.gradients(x, y)), held_x.shape[1] // 2
    a = _flat(nets.gradients(held_x[:, :half], held_y[:, :half]))
    b = _flat(nets.gradients(held_x[:, half:], held_y[:, half:]))
    along, own = (g * (a + b)).sum(1) / 2, g.norm(dim=1)
    plain, cosine = along / own / ((a + b) / 2).norm(dim=1), along / own / (a * b).sum(1).sqrt()
    return np.asarray(plain), np.asarray(cosine)


def _helped(
    nets: Crowd, x: Tensor, y: Tensor, held_x: Tensor, held_y: Tensor, trials: int, rng: np.random.Generator
) -> Array:
    """Share of single SGD steps from here that lower the held-out loss."""
    here, lower = nets.losses(held_x, held_y), np.zeros(len(x))
    for _ in range(trials):
        trial = nets.copy()
        Descent(trial, 0.2).step(*_drawn(x, y, rng))
        lower += trial.losses(held_x, held_y) < here
    return np.asarray(lower / trials)


@dataclass(frozen=True)
class OnePass:
    """Cosines of E[g] with the population gradient where no example comes twice, and where 256 come again
    and again, at the start and at the end: (2, splits) each."""

    fresh: Array
    again: Array


def _one_pass(lab: Lab) -> OnePass:
    """10-32-1 tanh networks learn noisy teachers, η = 0.1, B = 16, for as many steps either way."""
    from sdesim.data import teacher_student
    from sdesim.training.loop.one_seed import isolated_torch

    splits, steps, rng = lab.size(20, 3), lab.size(4000, 60), lab.rng("one pass")
    unseen, few = lab.size(8000, 200), 256
    used = _BATCH * steps
    sets = [
        teacher_student(used + 2 * unseen, 1, 10, 10, noise=0.5, seed=1000 * lab.seed + k)
        for k in range(splits)
    ]
    cosines = {}
    with isolated_torch():
        x, y = (tensor(np.stack([getattr(s, name) for s in sets])) for name in ("x_train", "y_train"))
        start = crowd([10, 32, 1], splits, rng, "tanh", "mse")
        after = slice(used, used + unseen), slice(used + unseen, used + 2 * unseen)
        for name, source in (("fresh", after[0]), ("again", slice(0, few))):
            nets = start.copy()
            descent, found = Descent(nets, 0.1), []
            for step in range(steps + 1):
                if step in (0, steps):
                    expected, other = ((x[:, part], y[:, part]) for part in (source, after[1]))
                    found.append(_population_cosine(nets, expected, other, whole=name == "again"))
                now = slice(_BATCH * step, _BATCH * (step + 1))
                if step < steps:
                    descent.step(
                        *((x[:, now], y[:, now]) if name == "fresh" else _drawn(x[:, :few], y[:, :few], rng))
                    )
            cosines[name] = np.array(found)
    return OnePass(**cosines)


def _population_cosine(
    nets: Crowd, expected: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], whole: bool
) -> Array:
    """cos(E[g], ∇L); E[g] is the mean over `expected` itself (`whole`), or over what they are a sample of."""
    halves = []
    for x, y in (expected, other):
        n = x.shape[1] // 2
        halves.append([_flat(nets.gradients(x[:, s], y[:, s])) for s in (slice(0, n), slice(n, 2 * n))])
    (a, b), (c, d) = halves
    mean_g, population = (a + b) / 2, (c + d) / 2
    own = (mean_g**2).sum(1) if whole else (a * b).sum(1)
    return np.asarray((mean_g * population).sum(1) / (own * (c * d).sum(1)).sqrt())


@claim(
    "C70",
    "2",
    claim="The mean of the mini-batch gradients, the signal, is the gradient of the population loss.",
    test="Networks on 300 digits used again and again, images and weights drawn anew 30 times: cosine of the "
    "mean training gradient with the population's, its noise taken out by two halves of 1,400 held-out "
    "images. And teachers learnt from fresh examples alone, or from 256 of them.",
    basis=MEASURED,
    quotation="points toward the true gradient direction",
    fair="For examples that are used once, as in a single pass over fresh data, the mean is that gradient.",
    since="2026-11-30",
    shares="held-out gradients",
)
def signal_of_a_finite_set(lab: Lab) -> Finding:
    """The mean over batches of a finite set is the gradient of that set's loss, whatever the population."""
    run, passes = heldout(lab), _one_pass(lab)
    cosine = [mean(v, "mean over splits", ANYTHING) for v in run.cosine.T]
    plain = [mean(v, "mean over splits", CORRELATION) for v in run.plain.T]
    fresh = [mean(v, "mean over splits") for v in passes.fresh]
    again = [mean(v, "mean over splits") for v in passes.again]
    ruling = judge(
        [
            together(
                "cosine with the population gradient ≥ 0.95 through the training",
                [above(f"step {s}", e, 0.95) for s, e in zip(run.steps, cosine, strict=True)],
            )
        ],
        fair=[
            near(f"one pass: cosine, {when}", e, 1.0, 0.05)
            for when, e in zip(("start", "end"), fresh, strict=True)
        ],
        corrected=[
            above("cosine at the start", cosine[0], 0.9),
            below("cosine at the end", cosine[-1], 0.5),
            above("start less end", mean(run.cosine[:, 0] - run.cosine[:, -1], "mean over splits"), 0.3),
            below("256 examples used again and again: cosine at the end", again[1], 0.5),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, run.steps + 1, cosine, "population gradient", linestyle="-")
        points(ax, run.steps + 1, plain, "1,400 held-out images", color=OTHER[0], marker="s", linestyle="-")
        ax.axhline(1.0, label="claimed", **CLAIMED)
        ax.set_xscale("log")
        ax.set_ylim(0, 1.08)
        finish(ax, "step + 1", "cos(∇L train, ∇L)", "The signal turns away from the population's")

    return Finding(
        {
            **{
                f"cosine with the population gradient, step {s}": e
                for s, e in zip(run.steps, cosine, strict=True)
            },
            f"cosine with the gradient of the held-out images, step {run.steps[0]}": plain[0],
            f"cosine with the gradient of the held-out images, step {run.steps[-1]}": plain[-1],
            "one pass: cosine at the start": fresh[0],
            "one pass: cosine at the end": fresh[1],
            "256 examples again and again: cosine at the start": again[0],
            "256 examples again and again: cosine at the end": again[1],
        },
        ruling,
        "a cosine of at least 0.95 up to the end of trainings that use their examples many times",
        f"{run.plain.shape[0]} splits of digits and {passes.fresh.shape[1]} teachers, each with "
        "weights of its own",
        draw,
        "μ is the gradient of the training set's own loss. It is the population's where every example is "
        "used once; where they come again and again it starts close to it and turns away as they are learnt. "
        "So C, which holds μ against the noise of its batches, says nothing of generalising by itself: "
        "cos(∇ train, ∇ held-out) does.",
    )


@claim(
    "C71",
    "4.1, summary",
    claim="p = C/(1 + C) is the probability that a step improves generalisation.",
    test="The same networks: from each of the states 80 single steps, the share that lowers the loss of "
    "1,400 held-out images against p at the training's batch.",
    basis=MEASURED,
    quotation="gives the probability any given step helps generalization",
    fair="p rises and falls with that probability over a training.",
    since="2026-11-30",
    shares="held-out gradients",
)
def step_that_helps(lab: Lab) -> Finding:
    """The held-out loss is one number for each of the trial steps."""
    run = heldout(lab)
    apart = [mean(v, "mean over splits") for v in (run.helped - run.p).T]
    helped = [mean(v, "mean over splits", SHARE) for v in run.helped.T]
    p = [mean(v, "mean over splits", SHARE) for v in run.p.T]
    order = single(run.p, run.helped)
    along = mean([r for r in order if np.isfinite(r)], "mean over splits", CORRELATION)
    ruling = judge(
        [
            together(
                "share of steps that help less p = 0 ± 0.1",
                [near(f"step {s}", e, 0.0, 0.1) for s, e in zip(run.steps, apart, strict=True)],
            )
        ],
        fair=[above("correlation of p with the share over a training", along, 0.0)],
        corrected=[
            above(f"share of steps that help, step {run.steps[0]}", helped[0], 0.9),
            near(f"share of steps that help, step {run.steps[-1]}", helped[-1], 0.5, 0.1),
            together(
                f"p at B = {_BATCH} below ½",
                [below(f"step {s}", e, 0.5) for s, e in zip(run.steps, p, strict=True)],
            ),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, run.steps + 1, helped, "share of steps that help", linestyle="-")
        points(ax, run.steps + 1, p, "p, claimed to be it", color=CLAIMED["color"], marker="s", linestyle="-")
        ax.axhline(0.5, **GUIDE)
        ax.set_xscale("log")
        ax.set_ylim(0, 1)
        finish(ax, "step + 1", "", "Steps that lower the held-out loss, and p")

    return Finding(
        {
            **{f"share of steps that help, step {s}": e for s, e in zip(run.steps, helped, strict=True)},
            **{f"p at B = {_BATCH}, step {s}": e for s, e in zip(run.steps, p, strict=True)},
            "correlation of p with the share over a training": along,
        },
        ruling,
        "shares within 0.1 of p at every moment",
        f"{run.p.shape[0]} splits with weights of their own, 80 steps from each of {run.steps.size} states",
        draw,
        "Early nearly every step lowers the held-out loss, at a p far below ½; late about one in two does, "
        "where the training gradient is no longer the population's. p rises and falls with that share and is "
        "not its value, at any moment: it is known for training batches and their size alone.",
    )
