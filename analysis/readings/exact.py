"""``python -m analysis.readings.exact [--quick] [--out DIR]``: readings without draws, against the truth.

A network of 2,410 weights learns 500 digits by SGD. At moments of its training C, C* and the phase are read
from 64 sampled batches, and without draws, many times over; the truth is Tr HΣ from all 500 products, and the
mean change of the loss over many steps. Under isotropic α-stable noise, which has no Σ, the mean change over
a step is read by weighted draws, and held against very many of them.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

import sdesim
from sdesim.engine.simulated_oracle import SimulatedOracle
from sdesim.io.files import atomic_write_json, atomic_write_text
from sdesim.io.threads import single_blas_thread
from sdesim.noise import Minibatch, Stable
from sdesim.runs.exact_moments import Exactness, exact_part
from sdesim.runs.virtual_steps import weighted_progress
from sdesim.surfaces import MLP

HERE = Path(__file__).resolve().parent
BATCH, SAMPLES, ALPHA, SCALE = 8, 64, 1.8, 0.0065
RATES, MOMENTS = (0.1, 0.5), (0, 20, 60, 200, 500, 1000)
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """What readings said at one θ.

    Attributes:
        rate, step: η and when. c, star: C and C*. change, change_half: mean change of the loss, measured.
        repeats: readings. held: of which the interval of C* holds the truth.
        decided, wrong: told the phase; told the wrong one by the truth's formula.
        sampled, sampled_wrong: the same of readings from draws.
        jump, jump_half: mean change under stable noise, the truth. jumps: readings of it; jump_held: of which
            the interval holds it; jump_decided, jump_wrong: told its sign, and the wrong one.
    """

    rate: float
    step: int
    c: float
    star: float
    change: float
    change_half: float
    repeats: int
    held: int
    decided: int
    wrong: int
    sampled: int
    sampled_wrong: int
    jump: float
    jump_half: float
    jumps: int
    jump_held: int
    jump_decided: int
    jump_wrong: int

    @property
    def agrees(self) -> bool | None:
        """Whether the sign of C − C* is that of the measured change; None where that is not told."""
        if abs(self.change) <= self.change_half:
            return None
        return (self.c > self.star) == (self.change < 0)


def moment(surface: MLP, theta: Array, rate: float, step: int, repeats: int, steps: int) -> Moment:
    """All readings at θ (d,)."""
    oracle = SimulatedOracle(surface, [Minibatch(surface, BATCH, rate, law="subsample")], rate)
    moments = oracle.moments(theta)
    assert moments is not None
    assert moments.covariance is not None
    covariance, mean = moments.covariance, moments.mean

    def products(v: Array) -> Array:
        return oracle.hvp(theta, v)

    columns = covariance.forward(np.eye(covariance.rank))
    trace = float(np.einsum("ij,ij->", columns, products(columns)))
    signal, noise = float(mean @ mean), float(covariance.variance.sum())
    bent = float(mean @ products(mean[None])[0])
    critical = 0.5 * rate * (bent + trace)
    held = decided = wrong = sampled = sampled_wrong = 0
    for k in range(repeats):
        found = exact_part(moments, products, mean[None], rate, np.random.default_rng(k), Exactness())
        draws = found["exact_draws"]
        quantile = 0.0 if math.isinf(draws) else float(stdtrit(draws - 1, 0.975))
        half = 0.5 * rate * quantile * found["exact_hessian_noise_error"]
        told = 0.5 * rate * (bent + found["exact_hessian_noise"])
        held += abs(told - critical) <= half + 1e-12 * abs(critical)
        decided += abs(signal - told) > half
        wrong += abs(signal - told) > half and (signal > told) != (signal > critical)
        word = _sampled(oracle, theta, rate, k)
        sampled += word != "transition"
        sampled_wrong += word != "transition" and (word == "generalization") != (signal > critical)
    changes = _changes(oracle, theta, rate, steps)
    jumps = SimulatedOracle(surface, [Stable(ALPHA, SCALE, structure="isotropic")], rate)
    truth = weighted_progress(jumps, theta, max(steps // 20, 20), step_size=rate, seed=(0, 0, step))
    jump, error = truth["progress"], truth["progress_error"]
    read = [
        weighted_progress(jumps, theta, 8, step_size=rate, seed=(k + 1, 0, step)) for k in range(repeats // 2)
    ]
    halves = [float(stdtrit(r["progress_count"] - 1, 0.975)) * r["progress_error"] for r in read]
    pairs = list(zip([r["progress"] for r in read], halves, strict=True))
    return Moment(
        rate=rate, step=step, c=signal / noise, star=critical / noise, change=float(changes.mean()),
        change_half=float(1.96 * changes.std(ddof=1) / math.sqrt(len(changes))), repeats=repeats, held=held,
        decided=decided, wrong=wrong, sampled=sampled, sampled_wrong=sampled_wrong, jump=jump,
        jump_half=1.96 * error, jumps=len(read),
        jump_held=sum(abs(value - jump) <= math.hypot(half, 1.96 * error) for value, half in pairs),
        jump_decided=sum(abs(value) > half for value, half in pairs),
        jump_wrong=sum(abs(value) > half and (value > 0) != (jump > 0) for value, half in pairs),
    )  # fmt: skip


def _sampled(oracle: SimulatedOracle, theta: Array, rate: float, seed: int) -> str:
    """The phase by C and C* of 64 draws, as `measure` says it of a run without more."""
    draws = oracle.gradients(theta, SAMPLES, np.random.default_rng(seed))
    mean = draws.mean(axis=0)
    centred = draws[:8] - mean
    terms = np.einsum("ij,ij->i", centred, oracle.hvp(theta, centred)) * SAMPLES / (SAMPLES - 1)
    c = sdesim.estimators.consolidation_ratio(draws)
    half = float(stdtrit(7, 0.975)) * float(terms.std(ddof=1)) / math.sqrt(8)
    trace = sdesim.estimators.Estimate(
        float(terms.mean()), terms.mean() - half, terms.mean() + half, 0.95, "draws", 8
    )
    star = sdesim.estimators.critical_consolidation(
        rate, float(mean @ oracle.hvp(theta, mean)), trace, float(draws.var(axis=0, ddof=1).sum()), SAMPLES
    )
    return sdesim.estimators.phase(c, threshold=star)


def _changes(oracle: SimulatedOracle, theta: Array, rate: float, steps: int) -> Array:
    """L(θ − ηg) − L(θ) of many steps (steps,), less the part of it that is linear in g − μ, of mean 0."""
    draws = oracle.gradients(theta, steps, np.random.default_rng(99))
    mean, before = np.asarray(oracle.surface.grad(theta)), oracle.loss(theta)
    after = np.array([oracle.loss(theta - rate * g) for g in draws])
    return np.asarray(after - before + rate * (draws - mean) @ mean)


def trained(surface: MLP, rate: float, seed: int) -> list[Array]:
    """θ (d,) of SGD at `MOMENTS`."""
    rng, theta, found = np.random.default_rng(seed), np.array(surface.start), []
    for step in range(MOMENTS[-1] + 1):
        if step in MOMENTS:
            found.append(theta.copy())
        rows = rng.integers(0, surface.examples, BATCH)
        theta = theta - rate * surface.example_gradients(theta, rows).mean(axis=0)
    return found


def markdown(moments: list[Moment]) -> str:
    """The table."""
    lines = [
        "Readings of a network of 2,410 weights and 500 examples at moments of SGD, B = 8: how many tell the "
        "phase, from 64 draws and without; whether the interval of C* holds the truth, the trace of 500 "
        "products; and the mean change of the loss over a step (in 1e-4, 95%).",
        "",
        "| η | step | C | C* | told from draws | told | wrong | C* held | change | same sign "
        "| stable: change | held | told | wrong |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for m in moments:
        same = {None: "open", True: "yes", False: "no"}[m.agrees]
        lines.append(
            f"| {m.rate:g} | {m.step} | {m.c:.4g} | {m.star:.4g} | {m.sampled} of {m.repeats} "
            f"| {m.decided} | {m.wrong} | {m.held} | {1e4 * m.change:.2f} ± {1e4 * m.change_half:.2f} "
            f"| {same} | {1e4 * m.jump:.2f} ± {1e4 * m.jump_half:.2f} | {m.jump_held} of {m.jumps} "
            f"| {m.jump_decided} | {m.jump_wrong} |"
        )
    count, jumps = sum(m.repeats for m in moments), sum(m.jumps for m in moments)
    lines += [
        "",
        f"Of {count} readings {sum(m.decided for m in moments) / count:.1%} tell the phase without draws "
        f"({sum(m.wrong for m in moments)} wrongly), {sum(m.sampled for m in moments) / count:.1%} from "
        f"draws ({sum(m.sampled_wrong for m in moments)} wrongly). The 95% interval of C* holds the truth in "
        f"{sum(m.held for m in moments) / count:.1%}. Of {jumps} readings under stable noise "
        f"{sum(m.jump_decided for m in moments) / jumps:.1%} tell it "
        f"({sum(m.jump_wrong for m in moments)} wrongly), and the intervals of "
        f"{sum(m.jump_held for m in moments) / jumps:.1%} hold the truth.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """0 whatever is found."""
    parser = argparse.ArgumentParser(prog="python -m analysis.readings.exact", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few readings, for a look")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    repeats, steps = (6, 400) if arguments.quick else (100, 4000)
    found = sdesim.data.digits(500, 0, seed=1)
    surface = MLP([64, 32, 10], found.x_train, found.y_train, loss="cross_entropy")
    with single_blas_thread():
        moments = [
            moment(surface, theta, rate, step, repeats, steps)
            for rate in RATES
            for step, theta in zip(MOMENTS, trained(surface, rate, 0), strict=True)
        ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = markdown(moments)
    atomic_write_text(arguments.out / "exact.md", text)
    atomic_write_json(arguments.out / "exact.json", {"moments": [asdict(m) for m in moments]})
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
