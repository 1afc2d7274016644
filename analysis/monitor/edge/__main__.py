"""Trainings on digits, λ/λ_crit from few examples beside that of all: `python -m analysis.monitor.edge`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import sdesim
from sdesim.training.probes.preconditioning import curvature_metric
from sdesim.training.watching.batches import Drawn
from sdesim.training.watching.goods.base import Visit
from sdesim.training.watching.goods.edge import Edge

RESULTS = Path(__file__).parent / "results" / "table.md"
LOSS = nn.CrossEntropyLoss()
STEPS, EVERY, BATCH = 1600, 64, 64


@dataclass(frozen=True)
class Case:
    """An activation and what makes the optimizer of parameters."""

    name: str
    middle: Callable[[], nn.Module]
    make: Callable[[Any], torch.optim.Optimizer]


CASES = (
    Case("tanh, SGD 0.3", nn.Tanh, lambda p: torch.optim.SGD(p, lr=0.3)),
    Case("ReLU, SGD 0.3", nn.ReLU, lambda p: torch.optim.SGD(p, lr=0.3)),
    Case("ReLU, SGD 0.05, momentum 0.9", nn.ReLU, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    Case("GELU, AdamW 0.003", nn.GELU, lambda p: torch.optim.AdamW(p, lr=0.003)),
)


def truth(model: nn.Module, optimizer: Any, x: torch.Tensor, y: torch.Tensor, turns: int = 150) -> float:
    """λ/λ_crit of all examples, by shifted power iteration on double backward passes."""
    parameters = list(model.parameters())
    slope = torch.cat(
        [g.reshape(-1) for g in torch.autograd.grad(LOSS(model(x), y), parameters, create_graph=True)]
    )
    metric = curvature_metric(model, optimizer)
    scale = np.ones(len(slope)) if metric.scale is None else metric.scale
    root = torch.from_numpy(np.sqrt(scale)).float()
    v = torch.randn(len(slope), generator=torch.Generator().manual_seed(0))
    value = 0.0
    for _ in range(turns):
        v /= v.norm()
        bent = torch.autograd.grad(slope @ (root * v), parameters, retain_graph=True)
        product = root * torch.cat([g.reshape(-1) for g in bent])
        value = float(v @ product)
        v = product + 0.05 * abs(value) * v
    return value / metric.critical


def readings(case: Case, steps: int = STEPS) -> list[tuple[float, Any]]:
    """The truth and the estimate at every 64th step."""
    data = sdesim.data.digits()
    x, y = torch.from_numpy(data.x_train).float(), torch.from_numpy(data.y_train).long()
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(x.shape[1], 64), case.middle(), nn.Linear(64, 64), case.middle(), nn.Linear(64, 10)
    )
    optimizer, edge = case.make(model.parameters()), Edge()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=BATCH, shuffle=True)
    source = Drawn(loader, "loader", LOSS, next(model.parameters()))
    found = []
    for step in range(1, steps + 1):
        rows = torch.randint(0, len(x), (BATCH,))
        optimizer.zero_grad()
        LOSS(model(x[rows]), y[rows]).backward()
        optimizer.step()
        if step % EVERY == 0:
            rng = np.random.default_rng(step)
            visit = Visit(model=model, optimizer=optimizer, step=step, rng=rng, train=source, heldout=None)
            with source.aside(step):
                sold = edge.buy(visit)
            assert sold is not None
            found.append((truth(model, optimizer, x, y), sold.estimates["edge_ratio"]))
    return found


def table(steps: int = STEPS) -> list[str]:
    """Lines of the table."""
    lines = [
        "| training | readings | intervals that hold | median of value/truth | r.m.s. error | half-width | "
        "top/crossed | not converged |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        found = readings(case, steps)
        true = np.array([t for t, _ in found])
        share = np.array([e.value for _, e in found]) / true
        width = np.array([(e.high - e.low) / 2 for _, e in found]) / true
        held = sum(e.low <= t <= e.high for t, e in found)
        late = sum("not_converged" in e.flags for _, e in found)
        apart = np.mean([e.details["top"] / e.details["crossed"] for _, e in found])
        lines.append(
            f"| {case.name} | {len(found)} | {held} | {np.median(share):.2f} | "
            f"{np.sqrt(((share - 1) ** 2).mean()):.2f} | {width.mean():.2f} | {apart:.2f} | {late} |"
        )
    return lines


def main() -> None:
    """Write the table."""
    torch.set_num_threads(1)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(table()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
