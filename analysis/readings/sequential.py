"""``python -m analysis.readings.sequential [--quick] [--out DIR]``: does C hold where draws end early?

Laws whose C is known are read until half of C's interval is a tenth of max(C, C*), looking after 64, 128, …,
4,096 draws: at the first look that seems precise ("naive"), and as probes do, where no standard error is
smaller than that of the look before ("guarded"); beside them as many draws as the guarded reading took,
fixed beforehand. Then the same of a network of 2,410 weights that learns 500 digits by SGD, C* included,
where the truth is of all examples.

Control variates at the same moments: minibatch gradients less those of the same examples at an anchor that
lies some steps behind, whose full gradient is known, are unbiased for μ. What share of their variance is left
with the best single coefficient (and with 1, as in SVRG) says whether they pay: a draw costs two gradients,
so that less than 1/2 must be left. And the noise Tr Σ about a known μ from single examples, over B, in place
of minibatches: examples saved at equal error.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from sdesim import data
from sdesim.estimators.consolidation.descent import critical_signal
from sdesim.estimators.consolidation.grouped import GroupSums, ratio_ends
from sdesim.io.files import atomic_write_text
from sdesim.runs.exactness import Sequential, looks
from sdesim.runs.sequential import LEVEL, sequential_part
from sdesim.training import mlp
from sdesim.training.probes.network_oracle import TorchOracle

HERE = Path(__file__).resolve().parent
DIM, FIRST, MOST, PRECISION, STAR = 100, 64, 4096, 0.1, 0.1
EXAMPLES, BATCH, RATE, MOMENTS, BEHIND = 500, 8, 0.5, (20, 100, 300, 1000), (1, 10, 50, 200)
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Read:
    """How readings of one law came out: coverage of nominal 0.95 and mean draws, by rule."""

    law: str
    c: float
    coverage: dict[str, float]
    draws: dict[str, float]


def law(spectrum: Array, c: float, freedom: int | None, repeats: int, name: str) -> Read:
    """Gaussian or multivariate t noise with a spectrum, μ anywhere, with C = c."""
    mean = np.full(DIM, math.sqrt(c * float(spectrum.sum()) / DIM))
    held: dict[str, list[tuple[bool, int]]] = {"naive": [], "guarded": [], "fixed": []}
    for k in range(repeats):
        rng = np.random.default_rng([k, round(1000 * c), freedom or 0])

        def draw(count: int, rng: np.random.Generator = rng) -> Array:
            z = rng.standard_normal((count, DIM))
            if freedom is not None:
                z *= np.sqrt((freedom - 2) / rng.chisquare(freedom, (count, 1)))
            return mean + z * np.sqrt(spectrum)

        blocks: list[Array] = []
        for rule in ("naive", "guarded"):
            held[rule].append(_until(blocks, draw, c, guarded=rule == "guarded"))
        fixed = GroupSums(DIM)
        for _ in range(held["guarded"][-1][1] // FIRST):
            fixed.add(draw(FIRST))
        held["fixed"].append((_holds(fixed, c), fixed.draws))
    means = {rule: np.mean(np.array(found, dtype=float), axis=0) for rule, found in held.items()}
    return Read(
        name, c, {r: float(m[0]) for r, m in means.items()}, {r: float(m[1]) for r, m in means.items()}
    )


def _until(blocks: list[Array], draw: Callable[[int], Array], c: float, *, guarded: bool) -> tuple[bool, int]:
    """Whether the interval at the end holds C, and the draws; blocks: those drawn so far, to go on from."""
    sums, before, held = GroupSums(DIM), 0.0, False
    for count in looks(FIRST, MOST):
        while sums.draws < count:
            if len(blocks) == sums.draws // FIRST:
                blocks.append(draw(FIRST))
            sums.add(blocks[sums.draws // FIRST])
        read = sums.read()
        error = max(read.ratio_error, before / math.sqrt(2)) if guarded else read.ratio_error
        before = read.ratio_error
        low, high = (float(x) for x in ratio_ends(read.ratio, error, read.rise, read.groups, LEVEL))
        held = low <= c <= high
        if 0.5 * (high - low) <= PRECISION * max(abs(read.ratio), STAR):
            break
    return held, sums.draws


def _holds(sums: GroupSums, c: float) -> bool:
    read = sums.read()
    low, high = ratio_ends(read.ratio, read.ratio_error, read.rise, read.groups, LEVEL)
    return bool(low <= c <= high)


@dataclass(frozen=True)
class Moment:
    """One moment of a training: C, C*, readings that hold them and that reached the precision, mean draws,
    products; share of Tr Σ that control variates leave by steps behind, with the best coefficient and with 1;
    examples saved where Tr Σ is from single ones."""

    step: int
    c: float
    star: float
    held: float
    star_held: float
    reached: float
    draws: float
    products: float
    left: dict[int, tuple[float, float]]
    saved: float


def moment(step: int, oracle: TorchOracle, theta: Array, behind: dict[int, Array], repeats: int) -> Moment:
    """Many readings at θ (d,), and what anchors leave of its noise."""
    rows = torch.arange(EXAMPLES)[:, None]

    def gradients(at: Array) -> Array:
        return oracle.gradients_of(at, rows, np.random.default_rng(0))

    each = gradients(theta)
    mean = each.mean(axis=0)
    away = each - mean
    one = float((away**2).sum()) / EXAMPLES
    noise = one / BATCH
    products = _products(oracle, theta)
    bent = float(mean @ oracle.hvp(theta, mean))
    trace = float(np.einsum("ij,ij->", away, products(away))) / EXAMPLES / BATCH
    c, star = float(mean @ mean) / noise, float(critical_signal(RATE, bent, trace)) / noise
    rng, found = np.random.default_rng([step, 7]), []
    for _ in range(repeats):
        found.append(_read(oracle, theta, products, rng, c, star))
    held, star_held, reached, draws, used = np.mean(np.array(found, dtype=float), axis=0)
    left = {}
    for steps, anchor in behind.items():
        other = gradients(anchor)
        other -= other.mean(axis=0)
        both, own = float((away * other).sum()), float((other**2).sum())
        left[steps] = (
            1 - both**2 / own / (one * EXAMPLES),
            float(((away - other) ** 2).sum()) / one / EXAMPLES,
        )
    batches = oracle.gradients(theta, 2000, rng) - mean
    squares = (batches**2).sum(axis=1)
    singles = (away**2).sum(axis=1)
    saved = float(BATCH * squares.var() / squares.mean() ** 2 / (singles.var() / singles.mean() ** 2))
    return Moment(step, c, star, held, star_held, reached, draws, used, left, saved)


def _products(oracle: TorchOracle, theta: Array) -> Callable[[Array], Array]:
    return lambda v: np.array([oracle.hvp(theta, row) for row in v])


def _read(
    oracle: TorchOracle, theta: Array, products: Callable[[Array], Array], rng: np.random.Generator, c: float,
    star: float,
) -> tuple[bool, bool, bool, float, float]:  # fmt: skip
    draws = oracle.gradients(theta, FIRST, rng)
    middle = draws.mean(axis=0)
    eight = draws[:8] - middle
    curved = (
        float(middle @ products(middle[None])[0]),
        float(np.einsum("ij,ij->", eight, products(eight))) / 8 * FIRST / (FIRST - 1),
    )
    v = sequential_part(
        draws, lambda m: oracle.gradients(theta, m, rng), products, RATE, Sequential(PRECISION, MOST), curved
    )
    groups = v["drawn_groups"]
    low, high = ratio_ends(v["drawn_ratio"], v["drawn_ratio_error"], v["drawn_ratio_rise"], groups, LEVEL)
    bent = v["drawn_hessian_signal"] - v["drawn_hessian_noise"] / v["drawn_samples"]
    found = float(critical_signal(RATE, bent, v["drawn_hessian_noise"])) / v["drawn_noise"]
    from scipy.special import stdtrit

    t = float(stdtrit(v["drawn_hessian_samples"] - 1, 0.975))
    own = 0.5 * RATE * t * v["drawn_hessian_noise_error"] / v["drawn_noise"]
    of_noise = found * float(stdtrit(groups - 1, 0.975)) * v["drawn_noise_error"] / v["drawn_noise"]
    half = math.hypot(own, of_noise)
    reached = 0.5 * (high - low) <= PRECISION * max(abs(v["drawn_ratio"]), abs(found))
    return (
        bool(low <= c <= high), abs(found - star) <= half, bool(reached), v["drawn_samples"],
        v["drawn_hessian_samples"],
    )  # fmt: skip


def network(moments: tuple[int, ...], repeats: int) -> list[Moment]:
    """Train, and read at these steps."""
    digits, net = data.digits(EXAMPLES, EXAMPLES, seed=1), mlp([64, 32, 10], seed=1)
    x, y = torch.tensor(digits.x_train), torch.tensor(digits.y_train)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    order, path, found = torch.Generator().manual_seed(1), [], []
    for step in range(max(moments) + 1):
        path.append(np.concatenate([p.detach().reshape(-1).numpy().copy() for p in net.parameters()]))
        if step in moments:
            behind = {k: path[step - k] for k in BEHIND if k <= step}
            oracle = TorchOracle(net, cross_entropy, x, y, BATCH)
            found.append(moment(step, oracle, path[step], behind, repeats))
        rows = torch.randint(0, EXAMPLES, (BATCH,), generator=order)
        optimizer.zero_grad()
        cross_entropy(net(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call,unused-ignore]
        optimizer.step()
    return found


def markdown(laws: list[Read], found: list[Moment]) -> str:
    """The tables."""
    lines = [
        f"# C to a tenth of max(C, C*): draws from {FIRST} on, doubled up to {MOST:,}, nominal 0.95", "",
        "| law | C | naive: holds it | draws | guarded: holds it | draws | as many, fixed: holds it |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {r.law} | {r.c:g} | {r.coverage['naive']:.3f} | {r.draws['naive']:.0f} | "
        f"{r.coverage['guarded']:.3f} | {r.draws['guarded']:.0f} | {r.coverage['fixed']:.3f} |"
        for r in laws
    ]
    lines += [
        "", f"A network in training, minibatches of {BATCH}:", "",
        "| step | C | C* | C held | C* held | reached | draws | products |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {m.step} | {m.c:.3f} | {m.star:.3f} | {m.held:.2f} | {m.star_held:.2f} | {m.reached:.0%} | "
        f"{m.draws:.0f} | {m.products:.0f} |"
        for m in found
    ]
    lines += [
        "", "Share of the gradients' variance that an anchor so many steps behind leaves (best coefficient; "
        "1), of which less than 0.5 pays, and examples saved where Tr Σ is read from single ones:", "",
        f"| step | {' | '.join(f'{k} behind' for k in BEHIND)} | saved |",
        f"|---|{'---|' * len(BEHIND)}---|",
    ]  # fmt: skip
    lines += [
        f"| {m.step} | "
        + " | ".join(f"{m.left[k][0]:.2f}; {m.left[k][1]:.2f}" if k in m.left else "" for k in BEHIND)
        + f" | {m.saved:.1f} times |"
        for m in found
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """0 whatever is found."""
    parser = argparse.ArgumentParser(prog="python -m analysis.readings.sequential", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few readings, for a look")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    repeats, readings = (40, 5) if arguments.quick else (400, 40)
    spectra = {"white": np.ones(DIM), "k^−1.5": np.arange(1.0, DIM + 1) ** -1.5}
    laws = [
        law(spectrum, c, freedom, repeats, f"{name}, {'normal' if freedom is None else f't of {freedom}'}")
        for name, spectrum in spectra.items() for c in (0.02, 0.1, 0.5) for freedom in (None, 5)
    ]  # fmt: skip
    text = markdown(laws, network(MOMENTS, readings))
    arguments.out.mkdir(parents=True, exist_ok=True)
    atomic_write_text(arguments.out / "sequential.md", text)
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
