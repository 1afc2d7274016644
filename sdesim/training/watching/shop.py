"""Readings of a watched training that take passes of their own, bought one at a time as a purse affords.

What is bought next is what has had the least for its weight (`Good.weight`): what was spent on it and its
price together, over the weight. A price is what the last purchase of the kind took; before there was one,
counted work times the shortest step so far; without a purse they take turns, so that no clock decides.
Progress and the agreement of gradients are averages over the last purchases, so that cheap ones add up; a
measurement holds what was bought at its step alone.
"""

from __future__ import annotations

import math
import time as clock
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError, failure
from sdesim.estimate import Estimate
from sdesim.runs import probe_rng
from sdesim.runs.measures.sampling import EPOCHS
from sdesim.training.data.batches import Objective
from sdesim.training.data.collation import objective_or_loss
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.monitor.purse import Purse
from sdesim.training.probes.failures import Failures
from sdesim.training.probes.optimizer_facts import step_rate
from sdesim.training.watching.aside import aside
from sdesim.training.watching.batches import Drawn, LastBatch, Source, own_loss
from sdesim.training.watching.goods.agreement import Agreement
from sdesim.training.watching.goods.base import Good, Sold, Visit
from sdesim.training.watching.goods.capped import Capped
from sdesim.training.watching.goods.edge import Edge
from sdesim.training.watching.goods.progress import Progress
from sdesim.training.watching.goods.tails import Tails
from sdesim.training.watching.spare import spare_gradient

_GOODS = (Progress, Agreement, Edge, Tails, Capped)
# Stream of spare gradients, among those of what is sold.
_SPARE = 4
# Steps from one purchase to the next where nothing limits them.
_EVERY = 16
# What of a measurement is kept in a state, beside its quantities, flags and reasons.
_FIELDS = (
    "step", "time", "learning_rate", "batch_size", "loss", "validation_loss", "lambda_crit", "cost_seconds",
)  # fmt: skip


class Shop:
    """Sells readings of a training, without changing it by a bit.

    Args:
        model: in training, as it holds its parameters. optimizer: its own.
        loss: ``loss(output, y)``. objective: ``objective(model, batch)`` in its place. Without either the
            network returns its loss itself.
        loader: training examples, as of `LoaderExamples`; None: the batch that training is about to step on
            is used, where the network returns its loss. heldout: likewise, or None.
        budget: share of the time; None: something is bought every 16th step.
        seed: of its own draws.

    Attributes:
        alone: a context for passes that this rank makes alone. barred: why nothing is bought, "" where it is.

    Raises:
        RunError: a loss without examples, both losses, or a source that is none.
    """

    def __init__(
        self, model: nn.Module, optimizer: Any, *, loss: Any = None, objective: Any = None,
        loader: Any = None, heldout: Any = None, budget: float | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        given = loss is not None or objective is not None
        if given and loader is None:
            raise RunError("watch: loss and loader go together")
        self._model, self._optimizer, self._seed = model, optimizer, seed
        loss_fn = objective_or_loss(loss, objective) if given else Objective(own_loss)
        first = next(model.parameters())
        self._train: Source = LastBatch(model) if loader is None else Drawn(loader, "loader", loss_fn, first)
        size = self._train.size or None
        self._heldout = None if heldout is None else Drawn(heldout, "heldout", loss_fn, first, size)
        self._purse = Purse(budget)
        goods: list[Good] = [made() for made in _GOODS]
        self._goods = [good for good in goods if not good.misses(self._train, self._heldout)]
        self._spent = dict.fromkeys((good.name for good in self._goods), 0.0)
        self._visits = dict.fromkeys(self._spent, 0)
        # Seconds of a step's worth of work, of each good's last purchase; step until which one that failed
        # waits, and how long it waited.
        self._rates: dict[str, float] = {}
        self._pauses: dict[str, tuple[int, int]] = {}
        self._failures = Failures()
        self.asked: Good | None = None
        self._due, self._ended = 0.0, math.nan
        self._sold: list[tuple[Measurement, dict[str, float]]] = []
        # How many of them were told to other ranks.
        self._told = 0
        self.alone: Callable[[], AbstractContextManager[Any]] = nullcontext
        self.barred = ""

    @property
    def open(self) -> bool:
        """Whether there is something to draw batches from: a loader, or a network that returns its loss."""
        return self._train.open and bool(self._goods)

    @property
    def sampling(self) -> str:
        """How the loader draws, as of `LoaderExamples`."""
        return self._train.sampling

    @property
    def epoch(self) -> int:
        """Examples out of which batches are drawn without replacement; 0 where they are not."""
        return self._train.total if self.sampling in EPOCHS else 0

    @property
    def spent(self) -> float:
        """Seconds of all purchases."""
        return sum(self._spent.values())

    @property
    def reasons(self) -> dict[str, str]:
        """Why what was asked for last could not be had, by name."""
        return dict(self._failures.reasons)

    @property
    def measurements(self) -> list[Measurement]:
        """What was bought, oldest first."""
        return [made for made, _ in self._sold]

    @property
    def probes(self) -> list[dict[str, float]]:
        """What was bought, by the names of the run's schema, with step and time."""
        return [values for _, values in self._sold if values]

    def spare(self, step: int, parameters: Sequence[nn.Parameter]) -> list[Tensor | None] | None:
        """`spare_gradient` at the weights after so many steps; None where fresh batches can't be drawn."""
        if not self._train.anew:
            return None
        rng = probe_rng(self._seed, _SPARE, step)
        return spare_gradient(self._model, self._optimizer, self._train, parameters, rng)

    def before(self, step: int, time: float) -> Measurement | None:
        """Buy what is of the batch of the step that is about to be made; ``step`` steps are done."""
        good, self.asked = self.asked, None
        return None if good is None else self._buy(good, step, time)

    def after(self, step: int, time: float, elapsed: float) -> Measurement | None:
        """Buy what is due and paid for, ``step`` steps being done in so many seconds.

        Where training's own batch is needed, it is noted from here on, and `before` buys.
        """
        if not math.isnan(self._ended):
            self._purse.stepped(clock.perf_counter() - self._ended)
        made = None
        due = step % _EVERY == 0 if self._purse.share is None else elapsed >= self._due
        if due and self._train.open:
            made = self._offer(step, time, elapsed)
        self._ended = clock.perf_counter()
        return made

    def _offer(self, step: int, time: float, elapsed: float) -> Measurement | None:
        # What one good holds and what another one takes would stand side by side.
        holding = [good for good in self._goods if good.holds]
        ready = [
            good
            for good in holding or self._goods
            if good.ready(step) and step >= self._pauses.get(good.name, (0, 0))[0]
        ]
        if not ready or not _first_rank():
            return None
        if self.barred:
            self._goods = []
            self._failures.note(["bought"], {"bought": self.barred})
            warnings.warn(f"watch: nothing bought: {self.barred}", stacklevel=6)
            return self._made(Sold(), step, time, 0.0)
        good = min(ready, key=self._burden)
        price = self._price(good)
        if not self._purse.affords(price, self.spent, elapsed):
            self._due = self._purse.waits(price, self.spent) if math.isfinite(price) else 0.0
            return None
        if not self._train.anew:
            self._train.attach()
            self.asked = good
            return None
        return self._buy(good, step, time)

    def _burden(self, good: Good) -> float:
        """What was spent on a good and what the next costs, for its weight."""
        if self._purse.share is None:
            return self._visits[good.name]
        return (self._spent[good.name] + self._price(good)) / good.weight

    def _price(self, good: Good) -> float:
        """Seconds of the next purchase; NaN where no step was timed yet."""
        if good.name in self._rates:
            return self._rates[good.name] * good.work()
        return self._purse.price((False, False), good.work())

    def _buy(self, good: Good, step: int, time: float) -> Measurement | None:
        began, work = clock.perf_counter(), good.work()
        sold, found = None, {}
        place = _GOODS.index(type(good))
        rng = probe_rng(self._seed, place + (place >= _SPARE), step)
        try:
            with ExitStack() as stack:
                stack.enter_context(aside())
                stack.callback(self._train.drop)
                stack.enter_context(self.alone())
                self._train.take()
                for source in (self._train, self._heldout):
                    if source is not None:
                        stack.enter_context(source.aside(int(rng.integers(2**31))))
                sold = good.buy(
                    Visit(
                        model=self._model, optimizer=self._optimizer, step=step, rng=rng, train=self._train,
                        heldout=self._heldout, edge=self._edge(),
                    )
                )  # fmt: skip
        except Exception as error:
            found[good.name] = failure(error)
            good.forget()
            waited = max(_EVERY, 2 * self._pauses.get(good.name, (0, 0))[1])
            self._pauses[good.name] = step + waited, waited
        else:
            self._pauses.pop(good.name, None)
        cost = clock.perf_counter() - began
        self._spent[good.name] += cost
        self._visits[good.name] += 1
        self._rates[good.name] = cost / work
        new = self._failures.note([good.name], found)
        for name in new:
            warnings.warn(f"watch: {name} not bought at step {step}: {found[name]}", stacklevel=5)
        told = sold is not None and sold.estimates
        return self._made(sold or Sold(), step, time, cost) if told or new else None

    def _edge(self) -> tuple[float, Estimate] | None:
        """η and λ/λ_crit when that was bought last."""
        edges = ((m.learning_rate, m.edge_ratio) for m, _ in reversed(self._sold))
        return next(((rate, edge) for rate, edge in edges if edge is not None), None)

    def _made(self, sold: Sold, step: int, time: float, cost: float) -> Measurement:
        rate = step_rate(self._optimizer)
        failed = tuple(f"{name}_failed" for name in sorted(self._failures.reasons))
        named: dict[str, Any] = {**sold.facts, **sold.estimates}
        made = Measurement.of(
            step, learning_rate=rate, time=time, batch_size=self._train.size,
            flags=(*self._train.flags, *failed), reasons=self.reasons, cost_seconds=cost,
            **named,
        )  # fmt: skip
        values = {"step": step, "time": time, "step_size": rate, **sold.values} if sold.values else {}
        self._sold.append((made, values))
        return made

    def close(self) -> None:
        """Detach everything, and let go of what goods hold between purchases."""
        self._train.detach()
        self.asked = None
        for good in self._goods:
            good.forget()

    def told(self) -> dict[str, Any]:
        """`state` for other ranks, of purchases those that were not told yet."""
        state = self.state()
        state["sold"], self._told = state["sold"][self._told :], len(self._sold)
        return state

    def heard(self, told: Mapping[str, Any]) -> None:
        """Go on as the rank that buys, which told this."""
        sold = self._sold
        self.restore(told)
        self._sold = sold + self._sold

    def state(self) -> dict[str, Any]:
        """What `restore` goes on from: plain numbers, strings, lists and dicts."""
        return {
            "spent": dict(self._spent), "visits": dict(self._visits),
            "rates": dict(self._rates), "failures": self._failures.state(),
            "rows": {good.name: good.state() for good in self._goods},
            "sold": [[_plain(made), dict(values)] for made, values in self._sold],
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; a window that was open, and where a search ended, begin anew."""
        for good in self._goods:
            self._spent[good.name] = float(state["spent"].get(good.name, 0.0))
            self._visits[good.name] = int(state["visits"].get(good.name, 0))
            good.restore(state["rows"].get(good.name, []))
        self._rates = dict(state["rates"])
        self._failures.restore(state["failures"])
        self._sold = [(measurement(plain), dict(values)) for plain, values in state["sold"]]
        self.asked, self._due, self._ended = None, 0.0, math.nan
        self._told = len(self._sold)


def _first_rank() -> bool:
    """Whether this process buys: the first of several, whose passes are its own."""
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not there or torch.distributed.get_rank() == 0


def _plain(made: Measurement) -> dict[str, Any]:
    kept = {name: getattr(made, name) for name in _FIELDS}
    estimates = {
        name: [e.value, e.low, e.high, e.level, e.method, e.n, list(e.flags)]
        for name, e in made.estimates.items()
    }
    return {**kept, "flags": list(made.flags), "reasons": dict(made.reasons), "estimates": estimates}


def measurement(plain: Mapping[str, Any]) -> Measurement:
    named: dict[str, Any] = {
        name: Estimate(value, low, high, level, method, n, tuple(flags))
        for name, (value, low, high, level, method, n, flags) in plain["estimates"].items()
    }
    named |= {name: plain[name] for name in _FIELDS}
    step = int(named.pop("step"))
    return Measurement.of(step, flags=tuple(plain["flags"]), reasons=dict(plain["reasons"]), **named)
