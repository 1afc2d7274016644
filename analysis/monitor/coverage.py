"""Cells of the study: a network in a kind of loop, read many times, beside the truth."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.monitor.loops import STEPS, trials
from analysis.monitor.networks import BATCH, EXAMPLES, gradients, moments, problem
from analysis.monitor.peers import PEERS, linear_weights

# Loops that take more than one process, and loops whose numbers are those of half precision.
PROCESSES, HALF = {"two processes": 2}, {"scaler, bfloat16, clipped"}
_SPREAD = 2.0


def truth(name: str, kind: str) -> float:
    """C of a batch at the weights where trials begin, from the gradients of all examples."""
    p = problem(name)
    with torch.autocast("cpu", torch.bfloat16, enabled=kind in HALF):
        signal, noise = moments(gradients(p))
    return BATCH * signal / noise


def _rank(rank: int, world: int, place: str, name: str, kind: str, first: int, count: int) -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{place}/meeting", rank=rank, world_size=world
    )
    found = trials(problem(name), kind, range(first, first + count), 0.0)
    if rank == 0:
        torch.save(found, f"{place}/found.pt")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def read(name: str, kind: str, first: int, count: int) -> list[dict[str, Any]]:
    """Last readings of watched loops that stay at one weight, by seed."""
    world = PROCESSES.get(kind, 1)
    if world == 1:
        return trials(problem(name), kind, range(first, first + count), 0.0)
    with tempfile.TemporaryDirectory() as place:
        torch.multiprocessing.spawn(_rank, (world, place, name, kind, first, count), world)  # type: ignore[no-untyped-call]
        found: list[dict[str, Any]] = torch.load(Path(place) / "found.pt", weights_only=True)
    return found


def peers(name: str, count: int) -> dict[str, list[float]]:
    """C by public noise scales, each on so many loops of the same length, from the gradients themselves."""
    p = problem(name)
    g, linear = gradients(p), linear_weights(p.model)
    found: dict[str, list[float]] = {peer: [] for peer in PEERS}
    for seed in range(count):
        rows = torch.randint(EXAMPLES, (STEPS, BATCH), generator=torch.Generator().manual_seed(seed))
        steps = g[rows]
        for peer, ratio in PEERS.items():
            scale = ratio(steps, linear) if peer != "linear layers (nanoGNS)" or linear.any() else math.nan
            found[peer].append(BATCH / scale if scale else math.nan)
    return found


def summary(values: list[float], true: float) -> dict[str, float]:
    """Error of readings of C: middle of |log(C/truth)|, and the share that is off by more than a factor 2."""
    c = np.array(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.abs(np.log(np.where(c > 0, c, 0.0) / true))
    known = off[~np.isnan(c)]
    if not len(known):
        return {"n": 0, "middle": math.nan, "beyond": math.nan}
    beyond = float((known > math.log(_SPREAD)).mean())
    return {"n": len(known), "middle": float(np.exp(np.median(known))), "beyond": beyond}


def covered(found: list[dict[str, Any]], true: float) -> tuple[int, int]:
    """How many intervals hold the truth, and how many there are."""
    known = [r for r in found if not math.isnan(r["low"])]
    return sum(r["low"] <= true <= r["high"] for r in known), len(known)
