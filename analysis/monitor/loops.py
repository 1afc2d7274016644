"""Five kinds of training loop, watched for a while."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from analysis.monitor.networks import BATCH, EXAMPLES, Problem
from sdesim import training

STEPS = 66


def _loop(
    p: Problem, seed: int, rate: float, *, sizes: tuple[int, ...] = (BATCH,), scaled: bool = False,
    model: nn.Module | None = None, shares: int = 1, rank: int = 0,
) -> training.Watch:  # fmt: skip
    """Watched steps of plain SGD on batches drawn with replacement; closed at the end."""
    torch.manual_seed(seed)
    net = p.model if model is None else model
    optimizer = torch.optim.SGD(p.model.parameters(), lr=rate)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=10**6) if scaled else None
    monitor = training.watch(net, optimizer, budget=None)
    for _ in range(STEPS):
        optimizer.zero_grad()
        drawn = torch.randint(EXAMPLES, (BATCH,))[rank * BATCH // shares : (rank + 1) * BATCH // shares]
        for rows in drawn.split([size // shares for size in sizes]):
            with torch.autocast("cpu", torch.bfloat16, enabled=scaled):
                loss = p.loss(net(p.x[rows]), p.y[rows]) * len(rows) / len(drawn)
            (loss if scaler is None else scaler.scale(loss)).backward()  # type: ignore[no-untyped-call]
        if scaler is None:
            optimizer.step()
            continue
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(p.model.parameters(), 0.01)
        scaler.step(optimizer)
        scaler.update()
    monitor.close()
    return monitor


def plain(p: Problem, seed: int, rate: float) -> training.Watch:
    """One batch a step."""
    return _loop(p, seed, rate)


def accumulated(p: Problem, seed: int, rate: float) -> training.Watch:
    """Four equal parts a step."""
    return _loop(p, seed, rate, sizes=(4,) * 4)


def unequal(p: Problem, seed: int, rate: float) -> training.Watch:
    """Parts of 3, 5 and 8 examples, weighted by them."""
    return _loop(p, seed, rate, sizes=(3, 5, 8))


def scaled(p: Problem, seed: int, rate: float) -> training.Watch:
    """In bfloat16 with a gradient scaler, and clipped; two parts a step."""
    return _loop(p, seed, rate, sizes=(8, 8), scaled=True)


def ranked(p: Problem, seed: int, rate: float) -> training.Watch:
    """One of two processes of data parallelism, in each of them: half of each batch, of which it has one."""
    from torch.distributed import get_rank
    from torch.nn.parallel import DistributedDataParallel

    return _loop(p, seed, rate, model=DistributedDataParallel(p.model), shares=2, rank=get_rank())


LOOPS: dict[str, Callable[[Problem, int, float], training.Watch]] = {
    "one batch": plain,
    "accumulation": accumulated,
    "unequal parts": unequal,
    "scaler, bfloat16, clipped": scaled,
    "two processes": ranked,
}


def last_of(monitor: training.Watch) -> dict[str, Any]:
    """C, its interval, 1/C_1 and flags of the last reading; NaN where there is none."""
    found = next((m for m in reversed(monitor.history) if m.C_alpha is not None), None)
    c = None if found is None else found.C_alpha
    if found is None or c is None:
        missing = float("nan")
        return {"C": missing, "low": missing, "high": missing, "flags": sorted(monitor.reasons)}
    return {
        "C": c.value, "low": c.low, "high": c.high, "batch": found.batch_size, "flags": list(found.flags),
        "read_step": monitor.cost["read_step"],
    }  # fmt: skip


def trials(p: Problem, kind: str, seeds: range, rate: float) -> list[dict[str, Any]]:
    """Watched trainings from one state, each with its own batches."""
    start = {k: v.clone() for k, v in p.model.state_dict().items()}
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for seed in seeds:
            p.model.load_state_dict(start)
            found.append(last_of(LOOPS[kind](p, seed, rate)) | {"seed": seed})
    p.model.load_state_dict(start)
    return found
