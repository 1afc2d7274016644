"""Training loops of several processes, each one rank."""

from __future__ import annotations

import contextlib
import datetime
import pickle
import traceback

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from sdesim.training import watch
from tests.training.watching.loops import LOSS, examples, network

RANKS = 2


def told(monitor):
    """What ranks must have alike."""
    return {
        "history": [
            (m.step, m.signal, m.noise, m.batch_size, m.flags, tuple(m.reasons.items()), m.cost_seconds)
            for m in monitor.history
        ],
        "rows": monitor._readings.state()["rows"],
        "groups": None,
        "state": monitor.state_dict(),
    }


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def batches(steps, sizes, rank, seed=1):
    """The rank's own micro-batches, of each step."""
    generator = torch.Generator().manual_seed(seed + 100 * rank)
    n = len(examples()[0])
    return [[torch.randint(0, n, (size,), generator=generator) for size in sizes] for _ in range(steps)]


def data_parallel(
    rank, *, sizes=(8,), steps=6, rate=0.1, watched=True, clip=None, no_sync=True, wrap=None, **options
):
    """A network under `DistributedDataParallel`."""
    x, y = examples()
    model = DistributedDataParallel(network(), **(wrap or {}))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    monitor = watch(model, optimizer, **({"budget": None} | options)) if watched else None
    for step in batches(steps, sizes, rank):
        optimizer.zero_grad()
        for k, rows in enumerate(step):
            quiet = no_sync and k < len(step) - 1
            with model.no_sync() if quiet else contextlib.nullcontext():
                (LOSS(model(x[rows]), y[rows]) * len(rows) / sum(len(r) for r in step)).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return model, monitor


def jointly(*, sizes=(8,), steps=6, **options):
    """The same in one process: the batches of all ranks, and as micro-batches where there are several."""
    x, y = examples()
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, **({"budget": None} | options))
    for steps_of in zip(*[batches(steps, sizes, r) for r in range(RANKS)], strict=True):
        optimizer.zero_grad()
        parts = [torch.cat([s[0] for s in steps_of])] if len(sizes) == 1 else [m for s in steps_of for m in s]
        for rows in parts:
            (LOSS(model(x[rows]), y[rows]) * len(rows) / sum(len(r) for r in parts)).backward()
        optimizer.step()
    return model, monitor


def start(work, path):
    """What ``work(rank)`` returned on each rank; it runs in processes of their own."""
    mp.spawn(_process, args=(work, str(path)), nprocs=RANKS)
    return [pickle.loads((path / f"{rank}.pkl").read_bytes()) for rank in range(RANKS)]


def _process(rank, work, path):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{path}/store", rank=rank, world_size=RANKS,
        timeout=datetime.timedelta(seconds=60),
    )  # fmt: skip
    try:
        found = work(rank)
    except BaseException:
        traceback.print_exc()
        raise
    with open(f"{path}/{rank}.pkl", "wb") as file:
        pickle.dump(found, file)
    if dist.is_initialized():
        dist.destroy_process_group()
