"""``python -m analysis.readings.sampled [--quick] [--out DIR]``: does the interval of a sampled C* hold C*?

A network of 2,410 weights learns 500 digits by SGD. At moments of its training the truth is of all examples;
readings are of 64 batches of 8 with replacement, Tr HΣ from 8 of them. Beside the coverage the share of equal
draws that the 64 are worth, (Σ x)²/(n Σ x²) with x = |gᵢ − ḡ|²: readings below 1/2 are flagged
`few_effective_draws`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from sdesim import data
from sdesim.estimators.consolidation.descent import critical_signal
from sdesim.io.files import atomic_write_text
from sdesim.runs import RunWriter, measure, probe
from sdesim.runs.schema import CURVATURE_PROBE, EVERY_PROBE, GRADIENT_PROBE
from sdesim.training import mlp
from sdesim.training.probes.network_oracle import TorchOracle

HERE = Path(__file__).resolve().parent
EXAMPLES, BATCH, RATE, DRAWS = 500, 8, 0.5, 64
MOMENTS, READINGS = (0, 100, 300, 600, 1000), 400


@dataclass(frozen=True)
class Moment:
    """One moment of the training: step, true C*, coverage at nominal 0.95, half-width over C*, share of equal
    draws (median), share of readings that are flagged, coverage of those that are not."""

    step: int
    true: float
    covered: float
    width: float
    effective: float
    flagged: float
    unflagged_covered: float


def moment(step: int, oracle: TorchOracle, theta: np.ndarray, readings: int) -> Moment:
    """Many readings at θ (d,)."""
    one = TorchOracle(oracle.module, oracle.loss_fn, oracle.x, oracle.y, 1)
    rows, rng = torch.arange(EXAMPLES)[:, None], np.random.default_rng(step)
    each = one.gradients_of(theta, rows, rng)
    mean = each.mean(axis=0)
    centred = each - mean
    trace = float((centred**2).sum()) / EXAMPLES / BATCH
    bent = float(np.mean([c @ oracle.hvp(theta, c) for c in centred])) / BATCH
    true = float(critical_signal(RATE, mean @ oracle.hvp(theta, mean), bent)) / trace
    values = [
        probe(oracle, theta, samples=DRAWS, rng=np.random.default_rng([step, k]), step_size=RATE)
        for k in range(readings)
    ]
    names = [*EVERY_PROBE, *GRADIENT_PROBE[:5], *CURVATURE_PROBE]
    writer = RunWriter(
        kind="real", trajectories=1, steps=np.array([step]), time=np.array([float(step)]), dim=len(theta),
        variables=["loss", *names], probe_steps=np.arange(readings),
        probe_time=np.arange(float(readings)), probe_trajectories=1, samples=DRAWS, out=None,
        attrs={"seed": step, "learning_rate": RATE, "batch_size": BATCH, "dataset_size": EXAMPLES,
               "sampling": "with-replacement", "optimizer": "sgd"},
    )  # fmt: skip
    for name in names:
        writer.write(name, np.array([[v[name] for v in values]]))
    writer.write("loss", np.array([[oracle.loss(theta)]]))
    run = writer.finish()
    found = measure(run)
    low, high = (found[f"C_star_{end}"].values[0] for end in ("low", "high"))
    flagged = np.char.find(found["C_star_flags"].values[0].astype(str), "few_effective_draws") >= 0
    inside = (low <= true) & (true <= high)
    norm2, dot = (run[f"gradient_{name}"].values[0] for name in ("norm2", "dot_mean"))
    apart = norm2 - 2 * dot + run["signal"].values[0][:, None]
    effective = np.median(apart.sum(axis=1) ** 2 / (DRAWS * (apart**2).sum(axis=1)))
    calm = float(inside[~flagged].mean()) if (~flagged).any() else float("nan")
    width = float(np.mean(high - low)) / 2 / true
    return Moment(step, true, float(inside.mean()), width, float(effective), float(flagged.mean()), calm)


def study(moments: tuple[int, ...], readings: int) -> list[Moment]:
    """Train, and read at these steps."""
    digits, net = data.digits(EXAMPLES, EXAMPLES, seed=1), mlp([64, 32, 10], seed=1)
    x, y = torch.tensor(digits.x_train), torch.tensor(digits.y_train)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    order, found = torch.Generator().manual_seed(1), []
    for step in range(max(moments) + 1):
        if step in moments:
            theta = np.concatenate([p.detach().reshape(-1).double().numpy() for p in net.parameters()])
            found.append(moment(step, TorchOracle(net, cross_entropy, x, y, BATCH), theta, readings))
        rows = torch.randint(0, EXAMPLES, (BATCH,), generator=order)
        optimizer.zero_grad()
        cross_entropy(net(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call,unused-ignore]
        optimizer.step()
    return found


def markdown(found: list[Moment]) -> str:
    """The table."""
    lines = [
        f"# Sampled C*: {DRAWS} batches of {BATCH}, Tr HΣ from 8 of them, nominal 0.95", "",
        "| step | true C* | holds it | half-width / C* | worth of draws | flagged | unflagged: holds it |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {m.step} | {m.true:.3f} | {m.covered:.2f} | {m.width:.2f} | {m.effective:.2f} | "
        f"{m.flagged:.0%} | {'–' if np.isnan(m.unflagged_covered) else f'{m.unflagged_covered:.2f}'} |"
        for m in found
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """0 whatever is found."""
    parser = argparse.ArgumentParser(prog="python -m analysis.readings.sampled", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few readings, for a look")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = markdown(study(MOMENTS, 40 if arguments.quick else READINGS))
    arguments.out.mkdir(parents=True, exist_ok=True)
    atomic_write_text(arguments.out / "sampled.md", text)
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
