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
from sdesim.training.watching.exchange import Exchange
from sdesim.training.watching.joint import RankRead, joint
from sdesim.training.watching.made_step import MadeStep
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
            them.
    """

    read: StepRead | str
    factor: float = math.nan
    found: Mapping[str, str] = field(default_factory=dict)
    price: float = 0.0
    following: int | None = None
    spent: float = 0.0
    elapsed: float = 0.0


def trains_with(models: Sequence[nn.Module]) -> list[int]:
    """Global numbers of the ranks that train a model together; one alone where there is no other.

    Raises:
        RunError: a kind of parallelism whose ranks do not have one gradient each.
    """
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return [0]
    for model in models:
        group = getattr(model, "process_group", None)
        if isinstance(group, distributed.ProcessGroup):
            return list(distributed.get_process_group_ranks(group))
    return list(range(distributed.get_world_size()))


def writes(models: Sequence[nn.Module]) -> bool:
    """Whether this rank writes and warns for those that train a model together."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return os.environ.get("RANK", "0") == "0"
    return distributed.get_rank() == trains_with(models)[0]


class Ranks:
    """This rank among those that train with it.

    Args:
        ranks: their global numbers. parameters: that are trained, each once; layers: the names of their
            layers. made: the step that was made last, where it is held.
    """

    def __init__(
        self, ranks: Sequence[int], parameters: Sequence[nn.Parameter], layers: Sequence[str], made: MadeStep
    ) -> None:
        self._parameters, self._layers, self._count = parameters, layers, len(ranks)
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
    def first(self) -> bool:
        """Whether this rank is the one that answers, warns and writes."""
        return self._exchange.first

    def begin(self) -> None:
        """Of a step whose gradients are to come."""
        self._own: list[Tensor | None] = [None] * len(self._parameters)

    def seen(self, k: int, gradient: Tensor) -> None:
        """A backward pass adds so much to parameter k's gradient on this rank."""
        looked, own = self._at(k, gradient), self._own[k]
        self._own[k] = looked if own is None else own + looked

    def _at(self, k: int, x: Tensor) -> Tensor:
        return x.detach().reshape(-1)[self._looked[k]].double()

    def agree(
        self, step: int, contributed: Callable[[], Contributed | str], *, gains: Sequence[float] | None,
        hold: bool, found: Mapping[str, str], seconds: float,
        plan: Callable[[float], tuple[int | None, float, float]],
    ) -> Agreed:  # fmt: skip
        """The step as all ranks have it. Never raises.

        Args:
            step: which. contributed: this rank's parts of it. gains: A of each parameter, None where that is
                not known. hold: whether the step is held on to, where it is right to; of one A alone.
            found: what failed on this rank. seconds: that its reading took.
            plan: of the first rank, from this reading's price: the next step, and seconds spent and passed.
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
        if hold and isinstance(read, StepRead) and not read.clipped and len(gain) == 1:
            drag = gain.pop() * (read.squares - read.overlap * read.whole) / (1 - read.overlap)
            agreed = replace(agreed, read=replace(read, drag=drag))
            self._made.open([p.grad for p in self._parameters], drag, agreed.factor)
        return agreed

    def _read(self, contributed: Callable[[], Contributed | str]) -> RankRead:
        """What this rank has to tell."""
        parts = contributed()
        if isinstance(parts, str):
            return RankRead(why=parts)
        gradients = [p.grad for p in self._parameters]
        given = {k: g for k, g in enumerate(gradients) if g is not None}
        shares = dict(zip(given, fetched([squares(list(given.values()))])[0], strict=True))
        self._made.meet(given)
        product = self._made.after(1.0)
        layers = {name: (0.0, part) for name, part in parts.groups.items()}
        for k, name in enumerate(self._layers):
            whole, part = layers.get(name, (0.0, 0.0))
            layers[name] = whole + float(shares.get(k, 0.0)) / self._count, part
        nothing = [torch.zeros(len(places), dtype=torch.float64) for places in self._looked]
        own = [nothing[k] if x is None else x.cpu() for k, x in enumerate(self._own)]
        sampled = [nothing[k] if g is None else self._at(k, g).cpu() for k, g in enumerate(gradients)]
        weights = [self._at(k, p).cpu().sum() for k, p in enumerate(self._parameters)]
        return RankRead(
            squares=parts.squares, overlap=parts.overlap, passes=parts.passes, batch=parts.batch,
            flags=parts.flags, scale=parts.scale, product=product / self._count,
            share=float(sum(shares.values())) / self._count, layers=layers,
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
