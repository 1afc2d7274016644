"""A monitor of any training loop by hooks alone: no loader, no loss, no call of its own."""

from __future__ import annotations

import math
import time as clock
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from torch import distributed, nn

from sdesim.errors import RunError, SdesimError, failure
from sdesim.kinds.numbers import level_of, whole
from sdesim.kinds.spelling import short
from sdesim.runs.quantities import quantities
from sdesim.sinks import Base as SinkRecipe
from sdesim.sinks import Outlets, Sink
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.monitor.purse import Purse
from sdesim.training.probes.failures import Failures
from sdesim.training.probes.optimizer_facts import optimizer_attributes, step_rate
from sdesim.training.watching.garbage import COLLECTIONS
from sdesim.training.watching.history import History
from sdesim.training.watching.made_step import linear_gains
from sdesim.training.watching.parallel.alone import Alone
from sdesim.training.watching.parallel.ranks import Ranks, ranks_of, writes
from sdesim.training.watching.readings import NOTHING, Pending, Readings
from sdesim.training.watching.shop import Shop, measurement
from sdesim.training.watching.step_hooks import StepHooks
from sdesim.training.watching.step_reader import StepRead, StepReader
from sdesim.training.watching.unwrapped import (
    bare_optimizer,
    refuse_foreign,
    trained_parameters,
    unwrapped,
)

# A training of a few seconds is to be read too: what so many seconds would pay for is lent. It is spent on
# steps each of which comes so much later than the last one that was read, that it goes a long way.
LENT, _SPARSE = 10.0, 1.25
# Steps between looks for ranks, less 1: a mask of bits.
_SOMETIMES = 15
_RANKS = distributed.is_available()


def watch(
    model: nn.Module, optimizer: Any, *, loss: Any = None, loader: Any = None, heldout: Any = None,
    budget: float | None = 0.01, sinks: Sequence[Sink | SinkRecipe | str | Path] = (), window: int = 64,
    phase_window: int = 4096, objective: Any = None,
) -> Watch:  # fmt: skip
    """Watches a training from the gradients that it computes anyway: nothing in the loop changes.

    Reads C at the batch of the step, whatever it is made of: from the micro-batches of an accumulated step,
    else from the examples of its one batch, whose norms the same backward pass gives (`example_norms`). Of
    SGD, with momentum or without, it reads the phase too, from the gradients at both ends of steps
    (`successive_steps`); of any other optimizer, and where gradients are clipped, with a loader. Norms are
    those before clipping and free of a `GradScaler`'s scale; steps that a scaler skips are not counted.

    The weights are the same bit for bit as without it, and no random number is drawn. It never ends a
    training: what fails is told once as a warning, and is a flag with its reason.

    Args:
        model: in training, or what wraps it (data parallelism, a compiled module, an adapter). optimizer: its
            own, of torch, or what wraps it as its ``optimizer``.
        loss: ``loss(output, y)``, with a loader: then what takes passes of its own is bought too, one at a
            time out of half of the budget (`Shop`): measured progress, the distance to the edge, tails.
        loader: training examples, as of `Monitor`; its own batches and random numbers are left alone.
        heldout: held-out examples likewise: progress on them, and how far their gradient agrees.
        objective: ``objective(model, batch)`` in the place of a loss, for batches that are no pairs. A model
            that returns its loss needs neither, and no loader: the batch of the step serves.
        budget: share of the time that reading may take, measured by the clock as it goes; hooks are detached
            in between. None: every step is read, and something is bought every 16th.
        sinks: where measurements go; a path is a folder that `sdesim watch` reads. One that fails is told
            as a warning, once, and is flag `sinks_failed`.
        window: readings that C is of. phase_window: pairs of steps that drift, C* and phase are of.

    Raises:
        RunError: an optimizer that is not the model's, a budget outside (0, 1), a loss without a loader.
    """
    return Watch(
        model, optimizer, loss=loss, loader=loader, heldout=heldout, budget=budget, sinks=sinks,
        window=window, phase_window=phase_window, objective=objective,
    )  # fmt: skip


def _share(budget: Any) -> float:
    try:
        return level_of(budget)
    except SdesimError:
        allowed = "above 0 and below 1, or None"
        raise RunError(f"watch: budget: found {short(budget)}, allowed: {allowed}") from None


class Watch:
    """What `watch` returns.

    Attributes:
        history: measurements, oldest first. step: optimizer steps seen.
    """

    def __init__(
        self, model: nn.Module, optimizer: Any, *, loss: Any, loader: Any, heldout: Any,
        budget: float | None, sinks: Sequence[Sink | SinkRecipe | str | Path], window: int, phase_window: int,
        objective: Any = None,
    ) -> None:  # fmt: skip
        if isinstance(model, type) or not hasattr(model, "parameters"):
            raise RunError(f"watch: model: found {short(model)}, allowed: a torch.nn.Module")
        optimizer = bare_optimizer(optimizer)
        trained = trained_parameters(optimizer)
        refuse_foreign(model, trained)
        models = unwrapped(model, trained)
        self._models, self._model, self._optimizer = models, models[-1], optimizer
        if budget is not None:
            budget = _share(budget)
        window = whole(window, "watch: window", least=3, error=RunError)
        phase_window = whole(phase_window, "watch: phase_window", least=8, error=RunError)
        # What is looked up once is looked up before the training, and is no part of its first reading.
        quantities()
        self._purse = Purse(budget, LENT)
        self._shop = Shop(
            self._model, optimizer, loss=loss, objective=objective, loader=loader, heldout=heldout,
            budget=None if budget is None else budget / 2,
        )  # fmt: skip
        self._budget = budget
        self._readings = Readings(window, phase_window, self._sampling_flag(), self._shop.epoch)
        self._ranks: Ranks | None = None
        self._refused = ""
        self._expected = self._spoken = False
        self._planned = 0, clock.perf_counter()
        self._writes = writes(models)
        # What others write to is not even opened here.
        self._outlets = Outlets(sinks if self._writes else ())
        self.history = History(self._readings.measured)
        self.step, self._time, self._rate = 0, 0.0, 0.0
        self._failures = Failures()
        self._reader = StepReader(models, trained, self._guarded("step"), self._guarded("examples"))
        self._found: dict[str, str] = {}
        self._tried: list[str] = []
        self._notes: tuple[str, ...] = ()
        self._pending: Pending | None = None
        # Batches that a trainer has told, and the one that the step was on which waits.
        self._batches = self._pending_of = 0
        self._passes = 1
        self._started, self._earlier = clock.perf_counter(), 0.0
        self._spent = self._cycle = self._price = 0.0
        self._passed = 0.0
        # What all ranks know of purchases, which the first one makes.
        self._bought: dict[str, Any] | None = None
        self._ended, self._due, self._lent_from = False, 0.0, math.inf
        self._meet()
        self._hooks: StepHooks | None = StepHooks(
            optimizer, self._begins, self._computed, self._after, self._forked
        )

    def add_sink(self, sink: Sink | SinkRecipe | str | Path) -> None:
        """Send the measurements that come to one more place."""
        if self._writes:
            self._outlets.add(sink)

    @property
    def cost(self) -> dict[str, float]:
        """Seconds of reading, their share of the time since it began, and seconds of the last read step."""
        spent = self._spent + self._shop.spent
        elapsed = self._elapsed()
        return {"seconds": spent, "share": spent / elapsed if elapsed > 0 else 0.0, "read_step": self._price}

    @property
    def reasons(self) -> dict[str, str]:
        """Why a part of the last reading failed, by part; empty where nothing did."""
        bought = self._shop.reasons
        if self._bought is not None:
            bought = self._bought["failures"]["reasons"]
        return self._failures.reasons | bought | self._outlets.reasons

    def _elapsed(self) -> float:
        return self._earlier + clock.perf_counter() - self._started

    def _guarded(self, part: str) -> Callable[[Callable[[], None]], None]:
        """What runs a hook's work: it is timed, and its errors are kept from the training."""

        def run(work: Callable[[], None]) -> None:
            began, collected = clock.perf_counter(), COLLECTIONS.seconds
            try:
                with torch.no_grad():
                    work()
            except Exception as error:
                self._found[part] = failure(error)
            self._cycle += clock.perf_counter() - began - (COLLECTIONS.seconds - collected)

        return run

    def batch(self, size: int | None, share: float | None = None) -> None:
        """Told by a trainer that a batch of so many examples begins, of weight ``share`` among those of its
        step: backward passes until the next are of it, whatever parts of the model are called."""
        self._batches += 1
        self._reader.batch(size, share)

    def note(self, flag: str) -> None:
        """Told by a trainer what is to be said of all readings that come."""
        self._notes = (*self._notes, flag)

    def charge(self, seconds: float) -> None:
        """Told by a trainer what handing on of the last reading took: the budget pays for it too."""
        self._spent += seconds
        self._schedule()

    def _schedule(self) -> None:
        """When the next reading is paid for: from a time on, and by what is lent from a step on."""
        self._due = self._started - self._earlier + self._purse.waits(self._price, self._spent)
        lent = self._purse.lends(self._price, self._spent)
        self._lent_from = math.ceil(_SPARSE * self.step) if lent else math.inf

    def _begins(self) -> bool:
        """Before a step: whether it is read."""
        if self._shop.asked is not None and not self._reader.armed:
            self._keep_bought(self._shop.before)
        return self._reader.armed or self._expected

    def _forked(self) -> None:
        """This process is a fork of the one that is watched: nothing is read here."""

        def let_go() -> None:
            self._reader.disarm()
            self._reader.made.drop()
            self._shop.close()

        self._guarded("step")(let_go)

    def _computed(self, why: str) -> None:
        """The gradient of the step is there, or why it is not."""
        self._guarded("step")(lambda: self._read(why))
        self._keep_bought(self._shop.before)

    def _after(self) -> None:
        """Of a step that was made."""
        if self._pending is not None:
            self._guarded("step")(self._close)
        # Of the step that was made: schedules move it afterwards. The way to here is a part of every step,
        # and is to cost nothing beside that of a small network.
        groups = self._optimizer.param_groups
        self._rate = float(groups[0]["lr"]) if len(groups) == 1 else step_rate(self._optimizer)
        self.step += 1
        self._time += self._rate
        # What a purchase takes does not stand beside a gradient that is held, but where all steps are read.
        if self._shop.open and (self._pending is None or self._budget is None):
            self._keep_bought(lambda step, time: self._shop.after(step, time, self._elapsed()))
        # The look for ranks is a tenth of what a step of a small network may cost, and all are at one step.
        if not self.step & _SOMETIMES:
            self._look_for_ranks()
        # Nothing else happens in most steps: a look at the clock.
        if self._ended or self._pending is not None or self._is_due():
            self._guarded("step")(self._go_on)

    def _is_due(self) -> bool:
        if self._ranks is None:
            return bool(self._found) or self.step >= self._lent_from or clock.perf_counter() >= self._due
        # What failed on one rank alone is told by all of them, with the next reading.
        following = self._ranks.following
        return self._spoken or (following is not None and self.step >= following)

    def _keep_bought(self, buy: Callable[[int, float], Measurement | None]) -> None:
        """What costs passes of its own, where it is due and paid for."""
        try:
            made = buy(self.step, self._time)
        except Exception as error:
            made, self._found["bought"] = None, failure(error)
        if made is not None and self._ranks is None:
            self._keep(made)
        if self._budget is not None:
            self._purse.share = self._budget / (2 if self._shop.open else 1)

    def _read(self, why: str) -> None:
        """Take what was read of this step, or why nothing was."""
        pending, self._pending = self._pending, None
        whole, trained = bool(self._tried), trained_parameters(self._optimizer)
        self._rate = step_rate(self._optimizer)
        why = why or self._reader.changed(trained)
        linear = linear_gains(self._optimizer, trained) if whole else None
        gains = None if linear is None else [now for now, _ in linear]
        try:
            read = self._finish(why, gains, hold=whole)
        finally:
            self._reader.disarm()
        if isinstance(read, str):
            self._found["step"] = read
            self._reader.made.drop()
        # The gradient of the very batch that the step before was made on is not free of that step.
        again = self._batches > 0 and self._batches == self._pending_of
        if pending is not None:
            self._take(pending, math.nan if isinstance(read, str) or again else read.after)
        if isinstance(read, str) or not whole:
            return
        self._passes = read.passes
        if not math.isfinite(read.squares):
            if "examples" in self._tried:
                self._found.setdefault(
                    "examples", "examples of one batch can't be told from what the model is given"
                )
            return
        if read.passes > 1:
            # Its parts are read: that its examples were not is of no account.
            self._found.pop("examples", None)
        if self._notes:
            read = replace(read, flags=(*read.flags, *self._notes))
        linear_here = math.isfinite(read.drag)
        # In a loop that cuts some gradients down, those that are left whole are a choice.
        outside = (not linear_here or self._readings.clips) and self._outside()
        total = {gain for _, gain in linear or ()}
        known = len(total) == 1 and linear_here and not outside
        decay = max(float(group.get("weight_decay", 0.0)) for group in self._optimizer.param_groups)
        made = Pending(
            self.step, self._time, self._rate, read, gain=total.pop() if known else math.nan, decay=decay,
            outside=outside,
        )  # fmt: skip
        if linear_here or outside:
            self._pending, self._pending_of = made, self._batches
        else:
            self._take(made, math.nan)

    def _outside(self) -> bool:
        """Hold on to a step that shares its noise with its gradient in a way that is not known, with the
        gradient of a batch outside it; whether there is one."""
        if self._ranks is not None or not self._failures.due("spare"):
            return False
        self._tried = [*self._tried, "spare"]
        try:
            spare = self._shop.spare(self.step, trained_parameters(self._optimizer))
        except Exception as error:
            spare, self._found["spare"] = None, failure(error)
        if spare is None:
            return False
        self._reader.made.open(spare, 0.0, 1.0, spare=True)
        return True

    def _close(self) -> None:
        """The step was made: what it does at its start is taken, and it waits for the next gradient."""
        if self._pending is not None and math.isnan(self._pending.before):
            self._pending = replace(self._pending, before=self._reader.made.close())

    def _finish(self, why: str, gains: Sequence[float] | None, *, hold: bool) -> StepRead | str:
        """What was read of this step, by all ranks."""
        if self._ranks is None:
            return why or self._reader.finish(gains=gains, hold=hold)
        self._expected, self._spoken = False, True
        agreed = self._ranks.agree(
            self.step, lambda: why or self._reader.contributed(), gains=gains, hold=hold,
            found=self._found, seconds=self._cycle, plan=self._plan,
        )  # fmt: skip
        self._found, self._cycle = dict(agreed.found), 0.0
        self._price, self._spent, self._passed = agreed.price, agreed.spent, agreed.elapsed
        if agreed.bought is not None:
            self._hear(agreed.bought)
        return agreed.read

    def _hear(self, bought: Mapping[str, Any]) -> None:
        """Of all ranks: what the first one bought since it told last."""
        before = [] if self._bought is None else self._bought["sold"]
        self._bought = {**bought, "sold": [*before, *bought["sold"]]}
        if self._ranks is not None and not self._ranks.first:
            self._shop.heard(bought)
        for plain, _ in bought["sold"]:
            self._keep(measurement(plain))

    def _plan(self, price: float) -> tuple[int | None, float, float, Mapping[str, Any]]:
        """For all ranks: the step that is read after this one at its price, seconds spent and passed, and
        what was bought."""
        spent, elapsed, now = self._spent + price, self._elapsed(), clock.perf_counter()
        (since, began), self._planned = self._planned, (self.step, now)
        waits = 0.0 if self._purse.share is None else self._purse.waits(price, spent) - elapsed
        seconds = (now - began) / max(1, self.step - since)
        following = self.step + 1 + math.ceil(max(0.0, waits) / max(seconds, 1e-6))
        if self._purse.lends(price, spent):
            following = min(following, max(self.step + 1, math.ceil(_SPARSE * self.step)))
        return following, spent, elapsed, self._shop.told()

    def _take(self, made: Pending, after: float) -> None:
        """Keep the numbers of a step, with its product with the next gradient."""
        self._readings.add(made, after)
        self._ended = True

    def _take_last(self) -> None:
        """Keep and tell the step that is read and waits for the next one's gradient."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._take(pending, math.nan)
            self._tell({})

    def _go_on(self) -> None:
        """After a step: tell what was read, and attach what reads the next, where that is paid for."""
        found, self._found = self._found, {}
        if self._ended or found:
            if self._ranks is None:
                self._price, self._spent, self._cycle = self._cycle, self._spent + self._cycle, 0.0
                self._schedule()
            self._tell(found)
        self._ended = self._spoken = False
        free = self._purse.share is None
        if self._pending is not None and not free:
            self._tried = []
            self._expected = self._ranks is not None
            self._reader.arm(parts=self._expected, examples=False)
        elif self._ranks is not None:
            if self._ranks.following is not None and self.step >= self._ranks.following:
                self._arm()
        elif free or not self._price or self._is_due():
            # The first one is lent whatever it takes: nobody knows its price before.
            self._arm()

    def _arm(self) -> None:
        self._look_for_ranks()
        examples = self._passes == 1
        due = self._failures.due("examples") if examples else True
        self._tried = []
        if self._ranks is not None:
            # Ranks are parts without any examples.
            examples, due = examples and due and not self._ranks.sharded, True
        if not (self._failures.due("step") and due):
            return
        if self._refused:
            self._found["step"] = self._refused
            return
        self._reader.follow(trained_parameters(self._optimizer))
        self._tried = ["step", "examples"] if examples else ["step"]
        self._expected = self._ranks is not None
        self._reader.arm(parts=True, examples=examples)

    def _look_for_ranks(self) -> None:
        if self._ranks is None and _RANKS and distributed.is_initialized():
            self._meet()

    def _meet(self) -> None:
        """Find the ranks that train with this one."""
        if self._refused:
            return
        try:
            self._ranks = ranks_of(
                self._models, trained_parameters(self._optimizer), self._reader.layers, self._reader.made
            )
            self._reader.onlooker = self._ranks
            if self._ranks is not None:
                self._shop.alone = Alone
                if self._ranks.sharded:
                    self._shop.barred = "a rank that holds shares of weights makes no pass alone"
        except Exception as error:
            # One rank's part of a gradient is not to pass for the whole.
            self._refused = failure(error)

    def _tell(self, found: dict[str, str]) -> None:
        """Note what failed; a measurement of what was read, or of a failure that is new."""
        tried = self._tried or (["step"] if "step" in found else [])
        new = self._failures.note(dict.fromkeys([*tried, *found]), found)
        for part in new if self._writes else ():
            warnings.warn(f"watch: {part} not read at step {self.step}: {found[part]}", stacklevel=7)
        if self._ended:
            self.history.later(len(self._readings), self.reasons, self._price)
            if len(self._outlets):
                self._outlets.write(self.history[-1])
        elif new:
            flags = tuple(f"{part}_failed" for part in sorted(self.reasons))
            # Rows of one log have the same columns.
            groups = dict.fromkeys(self._reader.layers, NOTHING)
            self._keep(
                Measurement.of(
                    self.step, learning_rate=self._rate, time=self._time, flags=flags, reasons=self.reasons,
                    groups=groups,
                )
            )  # fmt: skip

    def _sampling_flag(self) -> str:
        """What is to be said of how batches are drawn: gradients of one epoch without replacement are
        correlated, which moves the product of two."""
        return {"with-replacement": "", "epoch": "reshuffled", "sequential": "reshuffled"}.get(
            self._shop.sampling, "sampling_unknown"
        )

    def _keep(self, measurement: Measurement) -> None:
        self.history.append(measurement)
        self._outlets.write(measurement)

    def run(self, out: str | Path | None = None) -> xr.Dataset:
        """All readings as a Run, for `measure` and `compare`, and what was bought.

        Raises:
            RunError: nothing was read yet, or ``out`` can't be written.
        """
        dim = sum(p.numel() for p in trained_parameters(self._optimizer))
        return self._readings.run(
            optimizer_attributes(self._optimizer), dim, self.reasons, out, self._shop.probes
        )

    def close(self) -> None:
        """Detach all hooks and close the sinks; a second time does nothing."""
        if self._hooks is None:
            return
        self._hooks.remove()
        self._hooks = None
        if self._pending is not None:
            self._guarded("step")(self._take_last)
        self._reader.disarm()
        self._reader.made.drop()
        if self._ranks is not None and self._ranks.first:
            self._hear(self._shop.told())
        self._shop.close()
        self._outlets.close(self.run)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` goes on from: plain numbers, strings, lists and dicts."""
        return {
            "step": self.step, "time": self._time, **self._readings.state(self._pending),
            "spent": self._spent, "price": self._price,
            "elapsed": self._elapsed() if self._ranks is None else self._passed, "passes": self._passes,
            "failures": self._failures.state(),
            "shop": self._shop.state() if self._bought is None else self._bought,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on: step numbers, readings, history and what was spent."""
        self.step, self._time, self._passes = state["step"], state["time"], state["passes"]
        self._readings.restore(state)
        self._spent, self._price, self._earlier = state["spent"], state["price"], state["elapsed"]
        self._started = clock.perf_counter()
        self._schedule()
        self._failures.restore(state["failures"])
        self._pending, self._cycle, self._passed = None, 0.0, self._earlier
        self._expected = False
        self._planned = (self.step, self._started)
        self._reader.disarm()
        self._reader.made.drop()
        if self._ranks is not None and self._ranks.following is not None:
            self._ranks.following = 0
        if "shop" in state:
            self._shop.restore(state["shop"])
            self._bought = dict(state["shop"]) if self._ranks is not None else None
        self.history = History(self._readings.measured)
        bought = self._shop.measurements
        for count, step in enumerate(self._readings.steps, 1):
            while bought and bought[0].step <= step:
                self.history.append(bought.pop(0))
            self.history.later(count)
        for made in bought:
            self.history.append(made)
