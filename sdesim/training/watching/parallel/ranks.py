"""The ranks of a data-parallel training, read as the one training that they are.

All of them read the same steps: which comes next is part of the first rank's answer on the present one, so
that it follows from no other clock. A rank that could not read says so, and nobody waits without end.
"""

from __future__ import annotations

import base64
import json
import math
import os
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sdesim.errors import RunError, failure
from sdesim.training.watching.made_step import MadeStep
from sdesim.training.watching.parallel.alone import Alone
from sdesim.training.watching.parallel.exchange import Exchange
from sdesim.training.watching.parallel.joint import RankRead, joint
from sdesim.training.watching.parallel.shards import copies, first_number, held, is_sharded
from sdesim.training.watching.step_reader import Contributed, StepRead
from sdesim.training.watching.sums import fetched, squares

# Numbers that are looked at: of all gradients, and of one parameter's at least.
_LOOKED, _LEAST = 1024, 4


@dataclass(frozen=True)
class Agreed:
    """What all ranks know of a step.

    Attributes:
        read: the step, or why it was not read. factor: as of `JointRead`. found: what failed on any rank.
        following: the next step that all read, unless a pair is to be completed before; None: none.
        price, spent, elapsed: seconds of this reading, of all and since the beginning, as the first rank has
            them. bought: what it told of its purchases.
    """

    read: StepRead | str
    factor: float = math.nan
    found: Mapping[str, str] = field(default_factory=dict)
    price: float = 0.0
    following: int | None = None
    spent: float = 0.0
    elapsed: float = 0.0
    bought: Mapping[str, Any] | None = None


def trains_with(models: Sequence[nn.Module]) -> list[int]:
    """Global numbers of the ranks that train a model together; one alone where there is no other.

    Raises:
        RunError: replicas of one process.
    """
    for model in models:
        if len(getattr(model, "device_ids", None) or ()) > 1 and not hasattr(model, "process_group"):
            raise RunError("replicas of DataParallel are not read: DistributedDataParallel is")
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return [0]
    for model in models:
        group = getattr(model, "process_group", None)
        if isinstance(group, distributed.ProcessGroup):
            return list(distributed.get_process_group_ranks(group))
    for p in models[-1].parameters():
        if is_sharded(p):
            return [int(rank) for rank in p.device_mesh.mesh.flatten()]  # type: ignore[attr-defined]
    return list(range(distributed.get_world_size()))


def writes(models: Sequence[nn.Module]) -> bool:
    """Whether this rank writes and warns for those that train a model together."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return os.environ.get("RANK", "0") == "0"
    return distributed.get_rank() == trains_with(models)[0]


def ranks_of(
    models: Sequence[nn.Module], parameters: Sequence[nn.Parameter], layers: Sequence[str], made: MadeStep
) -> Ranks | None:
    """The ranks that train a model together, None of one that holds all of it alone.

    Raises:
        RunError: a kind of parallelism that is not read.
    """
    ranks = trains_with(models)
    if len(ranks) == 1 and not any(map(is_sharded, parameters)):
        return None
    return Ranks(ranks, models[-1], parameters, layers, made)


class Ranks:
    """This rank among those that train with it.

    Args:
        ranks: their global numbers. model: that owns the parameters. parameters: that are trained, each
            once; layers: the names of their layers. made: the step that was made last, where it is held.

    Raises:
        RunError: parameters that are split among ranks in another way than by rows.
    """

    def __init__(
        self, ranks: Sequence[int], model: nn.Module, parameters: Sequence[nn.Parameter],
        layers: Sequence[str], made: MadeStep,
    ) -> None:  # fmt: skip
        self._model, self._parameters, self._layers = model, parameters, layers
        self._copies = [copies(p) if is_sharded(p) else len(ranks) for p in parameters]
        self._first_numbers = [first_number(p) if is_sharded(p) else 0 for p in parameters]
        each = max(_LEAST, _LOOKED // len(parameters))
        counts = [min(each, p.numel()) for p in parameters]
        self._looked = [
            torch.arange(n, device=p.device) * (p.numel() // n)
            for n, p in zip(counts, parameters, strict=True)
        ]
        self._ends: list[int] = np.cumsum(counts).tolist()
        about = json.dumps([list(p.shape) for p in parameters])
        # Its store alone is held: a group that is held does not end where the training ends it.
        self._store = torch.distributed.distributed_c10d._get_default_store()
        self._exchange = Exchange(self._store, ranks, torch.distributed.get_rank(), about)
        self._made, self._waited = made, 0.0
        self.following: int | None = 0
        self.begin()

    @property
    def sharded(self) -> bool:
        """Whether this rank holds shares of parameters."""
        return any(map(is_sharded, self._parameters))

    @property
    def first(self) -> bool:
        """Whether this rank is the one that answers, warns and writes."""
        return self._exchange.first

    def begin(self) -> None:
        """Of a step whose gradients are to come."""
        self._own: list[Tensor | None] = [None] * len(self._parameters)

    def seen(self, k: int, gradient: Tensor) -> None:
        """A backward pass adds so much to parameter k's gradient on this rank."""
        looked, own = gradient.detach().reshape(-1)[self._looked[k]].double(), self._own[k]
        self._own[k] = looked if own is None else own + looked

    def _at(self, k: int, x: Tensor | None) -> Tensor:
        """The numbers of x that are looked at, NaN where another rank holds them; of none zeros."""
        found = torch.zeros(len(self._looked[k]), dtype=torch.float64)
        if x is not None:
            flat = held(x.detach()).reshape(-1)
            places = self._looked[k].to(flat.device) - self._first_numbers[k]
            here = (places >= 0) & (places < len(flat))
            found.fill_(math.nan)
            found[here.cpu()] = flat[places[here]].double().cpu()
        return found

    def agree(
        self, step: int, contributed: Callable[[], Contributed | str], *, gains: Sequence[float] | None,
        hold: bool, found: Mapping[str, str], seconds: float,
        plan: Callable[[float], tuple[int | None, float, float, Mapping[str, Any]]],
    ) -> Agreed:  # fmt: skip
        """The step as all ranks have it. Never raises.

        Args:
            step: which. contributed: this rank's parts of it. gains: A of each parameter, None where that is
                not known. hold: whether the step is held on to, where it is right to; of one A alone.
            found: what failed on this rank. seconds: that its reading took.
            plan: of the first rank, from this reading's price: the next step, seconds spent and passed, and
                what it bought.
        """
        began = clock.perf_counter()
        try:
            told = self._read(contributed)
        except Exception as error:
            told = RankRead(why=failure(error))
        self._made.drop()

        def answer(messages: list[bytes]) -> bytes:
            heard = [json.loads(x) if x else None for x in messages]
            made = joint([None if x is None else _unpacked(x["read"]) for x in heard], self._ends)
            failed = {part: why for x in heard if x is not None for part, why in x["found"].items()}
            read, factor = (made, math.nan) if isinstance(made, str) else (made.read, made.factor)
            price = max(x["seconds"] for x in heard if x is not None)
            agreed = Agreed(read, factor, failed, price, *plan(price))
            return json.dumps(asdict(agreed)).encode()

        waiting = clock.perf_counter()
        seconds += self._waited + waiting - began
        message = json.dumps({"read": _packed(told), "found": dict(found), "seconds": seconds})
        try:
            distributed = torch.distributed
            if not distributed.is_initialized() or (
                distributed.distributed_c10d._get_default_store() is not self._store
            ):
                raise RunError("the process group that the training began with is gone")
            agreed = _agreed(json.loads(self._exchange.together(step, message.encode(), answer)))
        except Exception as error:
            agreed = Agreed(failure(error), found=dict(found))
        # Of the next reading's price: this one's is told before it is known.
        self._waited = clock.perf_counter() - waiting
        self.following = agreed.following
        read, gain = agreed.read, set(gains or ())
        if hold and not self.sharded and isinstance(read, StepRead) and not read.clipped and len(gain) == 1:
            drag = gain.pop() * (read.squares - read.overlap * read.whole) / (1 - read.overlap)
            agreed = replace(agreed, read=replace(read, drag=drag))
            self._made.open([p.grad for p in self._parameters], drag, agreed.factor)
        return agreed

    def _read(self, contributed: Callable[[], Contributed | str]) -> RankRead:
        """What this rank has to tell."""
        with Alone():  # type: ignore[no-untyped-call]
            parts = contributed()
        if isinstance(parts, str):
            return RankRead(why=parts)
        for name, part in self._model.named_modules():
            if isinstance(part, nn.SyncBatchNorm) and part.training:
                return RankRead(why=f"examples of all ranks meet in {name}: no rank's gradient is its own")
        given = {k: p.grad for k, p in enumerate(self._parameters) if p.grad is not None}
        here = {k: held(g) for k, g in given.items() if held(g).numel()}
        shares = dict(zip(here, fetched([squares(list(here.values()))])[0] if here else (), strict=True))
        shares = {k: float(share) / self._copies[k] for k, share in shares.items()}
        self._made.meet(given)
        # A step is held where all ranks have all of it.
        product = self._made.after(1.0) / len(self._exchange.ranks)
        layers = {name: (0.0, part) for name, part in parts.groups.items()}
        for k, name in enumerate(self._layers):
            whole, part = layers.get(name, (0.0, 0.0))
            layers[name] = whole + shares.get(k, 0.0), part
        own = [
            torch.zeros(len(places), dtype=torch.float64) if x is None else x.cpu()
            for x, places in zip(self._own, self._looked, strict=True)
        ]
        sampled = [self._at(k, p.grad) for k, p in enumerate(self._parameters)]
        weights = [self._at(k, p).square().sum() for k, p in enumerate(self._parameters)]
        return RankRead(
            squares=parts.squares, overlap=parts.overlap, passes=parts.passes, batch=parts.batch,
            flags=parts.flags, weight=parts.weight, scale=parts.scale, product=product,
            share=sum(shares.values()), layers=layers,
            own=torch.cat(own).numpy(), given=torch.cat(sampled).numpy(), weights=float(sum(weights)),
        )  # fmt: skip


def _packed(read: RankRead) -> dict[str, Any]:
    own, given = (base64.b64encode(x.astype("<f8").tobytes()).decode() for x in (read.own, read.given))
    return asdict(read) | {"own": own, "given": given}


def _unpacked(told: Mapping[str, Any]) -> RankRead:
    own, given = (np.frombuffer(base64.b64decode(told[name]), "<f8") for name in ("own", "given"))
    layers = {name: tuple(pair) for name, pair in told["layers"].items()}
    return RankRead(**{**told, "own": own, "given": given, "flags": tuple(told["flags"]), "layers": layers})


def _agreed(told: Mapping[str, Any]) -> Agreed:
    read = told["read"]
    if not isinstance(read, str):
        groups = {name: tuple(pair) for name, pair in read["groups"].items()}
        read = StepRead(**{**read, "flags": tuple(read["flags"]), "groups": groups})
    return Agreed(**{**told, "read": read})
