"""How far the law of sampling decides a twin: `python -m analysis.twin.sampling` (3 min).

Logistic regression at stationarity under shuffled epochs, and trainings on digits whose gradients are no
means over fixed examples, each beside the twins by epochs and with replacement: results/sampling.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdesim import training
from sdesim.data import digits
from sdesim.noise import NoiseKernel
from sdesim.noise.epochs import Epochs, epoch_kernel
from sdesim.noise.kernel import Drawn

Array = NDArray[np.float64]
EXAMPLES, BATCH, DIM, PATHS, EPOCHS = 500, 8, 10, 48, 100
# Steps between two readings, and at once.
_APART, _STRETCH = 7, 64


@dataclass(frozen=True)
class Logistic:
    """Logistic regression with an L2 term and labels drawn by its own law."""

    rows: Array
    labels: Array
    decay: float = 1e-2

    def factors(self, theta: Array) -> Array:
        """Of each example (K, n) the gradient along its row, at θ (K, d)."""
        return np.asarray(-self.labels / (1 + np.exp(self.labels * (theta @ self.rows.T))))

    def loss(self, theta: Array) -> Array:
        """(K,)."""
        margins = self.labels * (theta @ self.rows.T)
        return np.asarray(np.log1p(np.exp(-margins)).mean(1) + self.decay / 2 * (theta**2).sum(1))

    def gradient(self, theta: Array) -> Array:
        """(K, d)."""
        return np.asarray(self.factors(theta) @ self.rows / len(self.rows) + self.decay * theta)

    def hessian(self, theta: Array) -> Array:
        """(d, d) at one θ (d,)."""
        p = 1 / (1 + np.exp(-(self.rows @ theta)))
        own = (self.rows.T * (p * (1 - p))) @ self.rows / len(self.rows)
        return np.asarray(own + self.decay * np.eye(len(theta)))


def problem() -> tuple[Logistic, Array, Array]:
    """The regression, its minimum and the Hessian there."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((EXAMPLES, DIM)) * np.sqrt(np.geomspace(1, 0.05, DIM))
    chances = 1 / (1 + np.exp(-rows @ rng.standard_normal(DIM)))
    made = Logistic(rows, np.where(rng.random(EXAMPLES) < chances, 1.0, -1.0))
    theta = np.zeros(DIM)
    for _ in range(100):
        theta -= np.linalg.solve(made.hessian(theta), made.gradient(theta[None])[0])
    return made, theta, made.hessian(theta)


def stationary(kernel: NoiseKernel, parts: int, eta: float) -> list[tuple[float, float]]:
    """(mean, standard error) of C, C* and the excess loss over the paths, after a fifth of the epochs."""
    loss, minimum, bent = problem()
    steps = EPOCHS * (EXAMPLES // BATCH) * parts
    drawn = Drawn(5, 0, 0, PATHS, EXAMPLES, steps)
    fill = getattr(import_module(kernel.module), kernel.function)
    state = None if kernel.ahead is None else kernel.ahead.start(drawn)
    blocks = [np.zeros((EXAMPLES, PATHS)) for _ in range(4)]
    theta, readings = np.repeat(minimum[None], PATHS, 0), []
    curved = ((loss.rows @ bent) * loss.rows).sum(1)
    for begin in range(0, steps, _STRETCH):
        end, params, data = min(begin + _STRETCH, steps), kernel.params, kernel.data
        if kernel.ahead is not None and state is not None:
            params, data = kernel.ahead.arrays(drawn, begin, end, state)
        for step in range(begin, end):
            if step % 2 == 0:
                blocks[0][:], blocks[1][:] = 0.0, 0.0
                fill(np.uint64(drawn.seed), 0, 0, step // 2, params, data, *blocks)
            factors, slope = loss.factors(theta), loss.gradient(theta)
            if step > steps // 5 and step % (_APART * parts) == 0:
                mean = factors @ loss.rows / EXAMPLES
                trace = ((factors**2 * (loss.rows**2).sum(1)).mean(1) - (mean**2).sum(1)) / BATCH
                spread = ((factors**2 * curved).mean(1) - ((mean @ bent) * mean).sum(1)) / BATCH
                bend = ((slope @ bent) * slope).sum(1)
                excess = loss.loss(theta) - loss.loss(minimum[None])
                readings.append([(slope**2).sum(1) / trace, eta / 2 * (bend + spread) / trace, excess])
            theta = theta - eta / parts * slope + (blocks[step % 2].T * factors) @ loss.rows
    means = np.array(readings).mean(0)
    return [(float(m.mean()), float(m.std(ddof=1) / PATHS**0.5)) for m in means]


def with_replacement(eta: float) -> NoiseKernel:
    """The Gaussian of independent batches at dt = η."""
    scale = np.array([eta / np.sqrt(BATCH * EXAMPLES)])
    return NoiseKernel("sdesim.noise.minibatch_kernels", "minibatch_gaussian", scale, enters="examples")


def logistic_rows() -> list[str]:
    """Rows of the first table."""
    largest = float(np.linalg.eigvalsh(problem()[2])[-1])
    rows = []
    for sharpness in (0.1, 0.5):
        eta = sharpness / largest
        whole, quarter = Epochs(EXAMPLES, BATCH), Epochs(EXAMPLES, BATCH, 4)
        arms = {
            "reshuffled training": (epoch_kernel(whole, "subsample", eta), 1),
            "Gaussian by epochs, dt = η": (epoch_kernel(whole, "gaussian", eta), 1),
            "Gaussian by epochs, dt = η/4": (epoch_kernel(quarter, "gaussian", eta / 4), 4),
            "Gaussian with replacement, dt = η": (with_replacement(eta), 1),
        }
        for name, (kernel, parts) in arms.items():
            c, star, excess = stationary(kernel, parts, eta)
            rows.append(
                f"| {sharpness} | {name} | {c[0]:.4f} ± {c[1]:.4f} | {star[0]:.4f} | "
                f"{1e4 * excess[0]:.1f} ± {1e4 * excess[1]:.1f} |"
            )
    return rows


def recipes() -> dict[str, training.Recipe]:
    """Trainings whose gradients are no means over fixed examples."""
    data, loss = digits(160, 60), nn.CrossEntropyLoss()

    def made(*middle: nn.Module, **options: object) -> training.Recipe:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(64, 8), *middle, nn.Tanh(), nn.Linear(8, 10))
        return training.Recipe(
            net, loss, data, None, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), steps=30,
            batch_size=16, trajectories=24, **options,  # type: ignore[arg-type]
        )  # fmt: skip

    return {
        "dropout 0.3": made(nn.Dropout(0.3)),
        "augmentation by noise 0.3": made(augment=_noisy),
        "batch normalisation": made(nn.BatchNorm1d(8)),
        "clip at norm 0.5": made(clip={"norm": 0.5}),
    }


def _noisy(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return x + 0.3 * torch.randn(x.shape, generator=generator)


def law_rows() -> list[str]:
    """Rows of the second table: the last training loss."""
    rows = []
    for name, recipe in recipes().items():
        run = training.record(recipe, save_every=30, progress=False)
        independent = training.record(
            replace(recipe, sampling="with-replacement"), save_every=30, progress=False
        )
        settings = {"progress": False}
        arms = [
            run, training.twin(run, recipe, **settings), training.twin(run, recipe, dt=0.05, **settings),
            training.twin(run, recipe, noise="none", **settings), independent,
        ]  # fmt: skip
        told = []
        for arm in arms:
            last = arm["loss"].values[:, -1]
            told.append(f"{last.mean():.3f} ± {last.std(ddof=1) / len(last) ** 0.5:.3f}")
        rows.append(f"| {name} | " + " | ".join(told) + " |")
    return rows


def main() -> None:
    """Write both tables."""
    torch.set_num_threads(1)
    text = [
        "# The law of sampling", "",
        f"Logistic regression, N = {EXAMPLES}, B = {BATCH}, {PATHS} paths, {EPOCHS} epochs; C* at the "
        "batch's noise, the excess of the loss over its minimum times 10⁴.", "",
        "| ηλ_max | noise | C | C* | excess |", "|---|---|---|---|---|", *logistic_rows(), "",
        "Digits, N = 160, B = 16, SGD with momentum 0.9, 30 steps, 24 seeds: the last training loss.", "",
        "| training | reshuffled | twin, dt = η | twin, dt = η/2 | no noise | with replacement |",
        "|---|---|---|---|---|---|", *law_rows(), "",
    ]  # fmt: skip
    (Path(__file__).parent / "results" / "sampling.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
