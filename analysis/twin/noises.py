"""Twins of one recorded training under six noise models.

SGD on digits (64-32-10 tanh, cross-entropy, η = 0.5, B = 8) from one start, and from the same start its twins
and the amplified family. Distances and verdicts are those of `sdesim.compare`: mean over time of the gap of
means in units of the real seeds' spread, beside what further real seeds would show (null).
"""

from __future__ import annotations

from typing import Any

from torch import nn, optim

import sdesim
from sdesim import training
from sdesim.comparison import rank
from sdesim.data import digits

QUANTITIES = (
    "loss", "train_accuracy", "test_accuracy", "weight_norm", "C_alpha", "C_1", "noise", "lambda_max", "S",
    "tail_index", "d_H", "lyapunov_drift", "I",
)  # fmt: skip
RANKED = ("loss", "test_accuracy", "weight_norm", "noise", "lambda_max")
RATE, BATCH = 0.5, 8


def study(quick: bool = False) -> dict[str, Any]:
    """All distances, by arm and quantity."""
    seeds, steps = (4, 200) if quick else (8, 1500)
    net, data, loss = training.mlp([64, 32, 10], seed=0), digits(500, 500), nn.CrossEntropyLoss()
    real = training.record(
        net, loss, data, None, lambda p: optim.SGD(p, lr=RATE), steps=steps, batch_size=BATCH,
        trajectories=seeds, seed=0, save_every=steps // 30, sampling="with-replacement", name="sgd",
        probes=sdesim.Probes(every=steps // 10, samples=64), progress=False,
    )  # fmt: skip
    arms = training.twins(real, net, loss, data, progress=False)
    fit = training.fit_noise(real)
    amplified = training.svag(real, net, loss, data, progress=False)
    arms |= {f"amplified, l = {factor}": run for factor, run in amplified.items()}
    measured = sdesim.measure(real)
    of_arms = {name: sdesim.measure(run) for name, run in arms.items()}
    ranking = rank(arms, real, RANKED, measured=of_arms, measured_real=measured)
    found, phases = {}, {}
    for name, run in arms.items():
        compared = sdesim.compare(run, real, (*QUANTITIES, "phase"), measured=(of_arms[name], measured))
        found[name] = {
            q: {"distance": c.distance, "null": c.null_distance, "outcome": c.outcome, "verdict": c.verdict}
            for q, c in compared.quantities.items()
        }
        phases[name] = compared.phases["phase"].agreement if "phase" in compared.phases else None
    return {
        "seeds": seeds, "steps": steps, "learning_rate": RATE, "batch_size": BATCH,
        "alpha": [fit.alpha.value, fit.alpha.low, fit.alpha.high], "arms": found, "phases": phases,
        "ranking": [[r.name, r.score, r.low, r.high, *r.behind] for r in ranking.order],
        "ranked_by": list(ranking.quantities), "verdict": ranking.verdict,
    }  # fmt: skip


def table(result: dict[str, Any]) -> str:
    """Distance over null, by arm and quantity: bold where they differ, – where not measured."""
    lines = ["| arm | " + " | ".join(QUANTITIES) + " | phases alike |"]
    lines += ["|---" * (len(QUANTITIES) + 2) + "|"]
    for arm, row in result["arms"].items():
        cells = []
        for q in QUANTITIES:
            if q not in row or not row[q]["null"] > 0:
                cells.append("–")
                continue
            text = f"{row[q]['distance'] / row[q]['null']:.2g}"
            cells.append(f"**{text}**" if row[q]["outcome"] == "differs" else text)
        alike = result["phases"][arm]
        cells.append("–" if alike is None else f"{alike:.0%}")
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    lines += ["", "| arm | score | (1 + score) over the best's |", "|---|---|---|"]
    for name, *numbers in result["ranking"]:
        cells = [f"{a:.3g} [{b:.3g}, {c:.3g}]" for a, b, c in (numbers[:3], numbers[3:])]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    low, value, high = (result["alpha"][k] for k in (1, 0, 2))
    lines += [
        "",
        f"{result['seeds']} seeds a row, {result['steps']} steps. "
        f"Fitted α = {value:.3g} [{low:.3g}, {high:.3g}].",
    ]
    return "\n".join(lines) + "\n"
