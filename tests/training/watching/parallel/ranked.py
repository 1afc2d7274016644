"""Training loops of several processes, each one rank."""

from __future__ import annotations

import contextlib
import datetime
import os
import pickle
import traceback

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
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
        "state": monitor.state_dict(),
    }


def weights(model):
    """What this rank holds of them."""
    held = [getattr(p, "to_local", lambda p=p: p)() for p in model.parameters()]
    return [p.detach().clone() for p in held]


def batches(steps, sizes, rank, seed=1):
    """The rank's own micro-batches, of each step."""
    generator = torch.Generator().manual_seed(seed + 100 * rank)
    n = len(examples()[0])
    return [[torch.randint(0, n, (size,), generator=generator) for size in sizes] for _ in range(steps)]


def steps_of(rank, model, optimizer, sizes, steps, quiet, *, clip=None, scaler=None, after=None):
    """Train on the rank's micro-batches; quiet: the context of those that are not the last. after: called
    with the number of the step, before it is made."""
    x, y = examples()
    for n, step in enumerate(batches(steps, sizes, rank)):
        optimizer.zero_grad()
        for k, rows in enumerate(step):
            with quiet(k < len(step) - 1):
                loss = LOSS(model(x[rows]), y[rows]) * len(rows) / sum(len(r) for r in step)
                (loss if scaler is None else scaler.scale(loss)).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        if after is not None:
            after(n)
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()


class Meeting(nn.Tanh):
    """A layer in which the ranks meet, as they do for contrastive losses; it leaves its input as it is."""

    def forward(self, x):
        met = x.detach().mean()
        dist.all_reduce(met)
        return super().forward(x)


def shop():
    """What a watch is given to buy readings with."""
    data = torch.utils.data.TensorDataset(*examples())
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    return {"loss": LOSS, "loader": loader, "heldout": loader}


def data_parallel(
    rank, *, sizes=(8,), steps=6, rate=0.1, clip=None, no_sync=True, scaled=False, rounded=False, wrap=None,
    middle=nn.Tanh, buys=False, watched=True, **options,
):  # fmt: skip
    """A network under `DistributedDataParallel`."""
    model = DistributedDataParallel(network(middle), **(wrap or {}))
    options |= shop() if buys else {}
    if rounded:
        model.register_comm_hook(None, default_hooks.fp16_compress_hook)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    monitor = watch(model, optimizer, **({"budget": None} | options)) if watched else None
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=1000) if scaled else None

    def quiet(now):
        return model.no_sync() if now and no_sync else contextlib.nullcontext()

    steps_of(rank, model, optimizer, sizes, steps, quiet, clip=clip, scaler=scaler)
    return model, monitor


def sharded(rank, *, sizes=(8,), no_sync=True, clip=None, half=None, steps=6, buys=False, watched=True):
    """A network whose ranks hold a share of each parameter; half: the dtype that gradients are added in."""
    model = network()
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=half) if half else None
    for part in (model[0], model):
        fully_shard(part, **({"mp_policy": policy} if policy else {}))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None, **(shop() if buys else {})) if watched else None

    def quiet(now):
        model.set_requires_gradient_sync(not (now and no_sync))
        return contextlib.nullcontext()

    steps_of(rank, model, optimizer, sizes, steps, quiet, clip=clip)
    return model, monitor


def by_hand(
    rank, *, reduced=dist.ReduceOp.AVG, left_out=(), alike=False, only=range(RANKS), fails=(), twice=None,
    gone=None, watched=True,
):  # fmt: skip
    """A loop that reduces its gradients itself.

    Args:
        left_out: numbers of parameters that are not. alike: the ranks draw the same batches. only: ranks that
            are watched. fails: steps that rank 1 can't read. twice: a step that rank 1 makes twice.
        gone: the step before which the process group ends.
    """
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None) if watched and rank in only else None
    if monitor is not None and fails and rank == 1:
        contributed = monitor._reader.contributed

        def failing():
            if monitor.step in fails:
                raise ValueError("no memory for this")
            return contributed()

        monitor._reader.contributed = failing

    # Ranks that share nothing may begin at any time, and one is refused where the other is not there yet.
    dist.barrier()

    def after(n):
        if n == gone:
            dist.destroy_process_group()
        for k, p in enumerate(model.parameters()):
            if reduced is not None and k not in left_out and dist.is_initialized():
                dist.all_reduce(p.grad)
                if reduced == dist.ReduceOp.AVG:
                    p.grad /= RANKS
        if n == twice and rank == 1:
            optimizer.step()

    steps_of(0 if alike else rank, model, optimizer, (8,), 6, _nothing, after=after)
    return model, monitor


def split_optimizer(rank, watched=True):
    """An optimizer whose ranks hold a share of its state each."""
    model = DistributedDataParallel(network())
    optimizer = ZeroRedundancyOptimizer(model.parameters(), optimizer_class=torch.optim.SGD, lr=0.1)
    monitor = watch(model, optimizer, budget=None) if watched else None
    steps_of(rank, model, optimizer, (8,), 6, _nothing)
    return model, monitor


def uneven(rank, watched=True):
    """Ranks that run out of batches at different steps."""
    model = DistributedDataParallel(network())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watch(model, optimizer, budget=None) if watched else None
    with model.join():
        steps_of(rank, model, optimizer, (8,), 9 - 3 * rank, _nothing)
    return model, monitor


def accelerated(rank, watched=True):
    """A loop of Accelerate, which accumulates two batches of four on each rank."""
    from accelerate import Accelerator

    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(RANKS),
                   "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "OMP_NUM_THREADS": "1"}  # fmt: skip
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model, data = network(), torch.utils.data.TensorDataset(*examples())
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
    torch.manual_seed(0)
    model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), loader)
    monitor = watch(model, optimizer, budget=None) if watched else None
    for a, b in loader:
        with accelerator.accumulate(model):
            accelerator.backward(LOSS(model(a), b))
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), 100.0)
            optimizer.step()
            optimizer.zero_grad()
    return model, monitor


def _nothing(now):
    return contextlib.nullcontext()


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
