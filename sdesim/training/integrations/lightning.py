"""A monitor in the Trainer of Lightning: one callback, which finds everything by itself."""

from __future__ import annotations

import functools
import math
import time as clock
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training.data.batches import leaves
from sdesim.training.integrations.alike import Guard, check_keywords, logged, ordered
from sdesim.training.integrations.lightning_steps import as_callback, bases
from sdesim.training.integrations.training_step import own_examples
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.watching.unwrapped import bare_optimizer, trained_parameters
from sdesim.training.watching.watch import Watch, watch


class SDEMonitor:
    """A callback of Lightning's Trainer that watches its training (`watch`).

    ``Trainer(callbacks=[SDEMonitor()])`` and nothing else: module, optimizers, accumulation, clipping and
    precision are found, in automatic and in manual optimization. Of several optimizers each has a watch of
    its own, which counts its own steps. It never changes a weight or a random number of the training, and
    never ends one: what it can't read is told once as a warning, with the reason in ``monitor.reasons``.

    Readings that take passes of their own are bought of the training's own examples by its own
    `training_step`, without what that logs: in automatic optimization on one process, where the loader's
    examples have numbers. ``loader=None`` buys none.

    Readings go to the Trainer's loggers as ``sdesim/…``, with their intervals, and to its
    ``callback_metrics``, where other callbacks such as ModelCheckpoint find them (NaN before the first); C is
    in the progress bar. Of several optimizers the names are ``sdesim/<what it trains>/…``. Checkpoints carry
    the state: a fit that goes on from one goes on in steps, history and smoothing, and so does a second fit
    of the same module by the same Trainer. Any other fit has watches of its own.

    Args:
        keywords: of `watch`. Of several optimizers ``sinks`` is a mapping: what it trains → its sinks.

    Attributes:
        monitors: the watches of the fit in progress or of the last one, in the order of the optimizers.
        names: what each optimizer trains: the part of the module that holds it, or the optimizer's number.

    Raises:
        RunError: keywords that `watch` has not or refuses, or no Lightning.
    """

    def __new__(cls, **keywords: Any) -> SDEMonitor:
        plain: Any = cls
        made: SDEMonitor = object.__new__(as_callback(plain, bases()))
        return made

    def __init__(self, **keywords: Any) -> None:
        super().__init__()
        check_keywords("SDEMonitor", keywords)
        self._keywords = keywords
        self.monitors: list[Watch] = []
        self.names: list[str] = []
        self._stored: Mapping[str, Any] | None = None
        self._fitting = True
        self._of: tuple[Any, Any] = (None, None)
        self._logged: list[int] = []
        self._guarded = Guard("SDEMonitor")

    def __reduce__(self) -> Any:
        # The class is made where it is needed, so that it can't be found by its name.
        return functools.partial(type(self).__bases__[0], **self._keywords), ()

    @property
    def monitor(self) -> Watch:
        """The watch, where there is one optimizer.

        Raises:
            RunError: there are several, or no training has begun.
        """
        if len(self.monitors) != 1:
            raise RunError(
                f"SDEMonitor: monitor: found {len(self.monitors)} optimizers that are watched, "
                "allowed: one; take .monitors"
            )
        return self.monitors[0]

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:
        """A checkpoint is read, for a fit or for another purpose."""
        self._fitting = str(getattr(trainer.state.fn, "value", trainer.state.fn)) == "fit"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep what the next fit goes on from."""
        if self._fitting:
            self._stored = state_dict

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint carries: `Watch.state_dict` of each optimizer."""
        if self._stored is not None:
            return dict(self._stored)
        state: dict[str, Any] = {}

        def add() -> None:
            state["monitors"] = [monitor.state_dict() for monitor in self.monitors]

        if self.monitors:
            self._guarded("the checkpoint carries no readings", add)
        return state

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Watch what is about to be trained, from where its checkpoint was."""
        self._close()
        self._guarded.clear()
        self._guarded("the training is not watched", lambda: self._begin(trainer, pl_module))

    def _begin(self, trainer: Any, module: Any) -> None:
        states = None if self._stored is None else self._stored.get("monitors")
        if states is None and (self._of[0], self._of[1]) == (_id(trainer), _id(module)):
            states = [monitor.state_dict() for monitor in self.monitors]
        self._stored, self._of = None, (_id(trainer), _id(module))
        self.monitors, self._logged = [], []
        optimizers = [bare_optimizer(optimizer) for optimizer in trainer.optimizers]
        self.names = _names(module, optimizers)
        sinks = self._sinks()
        for k, (optimizer, its) in enumerate(zip(optimizers, sinks, strict=True)):
            keywords = self._keywords | ({"sinks": its} if its else {})
            model = trainer.strategy.model
            model = _part(module, optimizers, k) if model is module else model
            self.monitors.append(self._watched(model, optimizer, keywords, own_examples(trainer, module)))
        if states is not None:
            self._guarded("earlier readings are lost", lambda: self._restore(states))
        elif len(self.monitors) == 1:
            # A checkpoint of a training that was not watched tells how many steps were made.
            self.monitors[0].step = int(trainer.global_step)
        self._logged = [len(monitor.history) for monitor in self.monitors]
        odd = ordered(trainer.train_dataloader)
        for k, monitor in enumerate(self.monitors):
            self._show(trainer, k, self._latest(k))
            if odd:
                monitor.note("sampler_ignored")

    def _watched(
        self, model: nn.Module, optimizer: Any, keywords: dict[str, Any], own: dict[str, Any]
    ) -> Watch:
        """A watch that buys readings of the training's own examples, where those can be drawn."""
        if own and not {"loss", "loader", "heldout", "objective"} & set(keywords):
            try:
                return watch(model, optimizer, **keywords, **own)
            except RunError:
                # As of examples without numbers: there are no readings to buy then.
                pass
        return watch(model, optimizer, **keywords)

    def _sinks(self) -> list[Any]:
        given = self._keywords.get("sinks", ())
        if isinstance(given, Mapping):
            for name in given:
                if name not in self.names:
                    raise RunError(f"sinks: found {name}, allowed: {', '.join(self.names)}")
            return [given.get(name, ()) for name in self.names]
        if given and len(self.names) > 1:
            raise RunError(
                f"sinks: found a list for {len(self.names)} optimizers, allowed: a mapping of "
                f"{', '.join(self.names)} to the sinks of each"
            )
        return [given] * len(self.names)

    def _restore(self, states: list[Any]) -> None:
        if len(states) != len(self.monitors):
            raise RunError(
                f"the checkpoint has {len(states)} optimizers that were watched, the training "
                f"{len(self.monitors)}"
            )
        for monitor, state in zip(self.monitors, states, strict=True):
            monitor.load_state_dict(state)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """A batch begins: what is computed until the next one is of its examples."""
        # In automatic optimization the mean losses of all batches of a step weigh the same.
        size, share = _size(batch), 1.0 if pl_module.automatic_optimization else None
        for monitor in self.monitors:
            monitor.batch(size, share)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:  # fmt: skip
        """Hand on what was read."""
        if any(len(m.history) > seen for m, seen in zip(self.monitors, self._logged, strict=True)):
            self._guarded("readings are not in the Trainer's logs", lambda: self._log(trainer))

    def _log(self, trainer: Any) -> None:
        for k, monitor in enumerate(self.monitors):
            began, history = clock.perf_counter(), monitor.history
            seen, self._logged[k] = self._logged[k], len(history)
            # Measurements are made when somebody looks at them.
            for measurement in history[seen:] if trainer.loggers else ():
                found = logged(measurement, self._prefix(k))
                for logger in trainer.loggers if found else ():
                    logger.log_metrics(found, step=measurement.step)
            if len(history) > seen:
                self._show(trainer, k, self._latest(k))
                monitor.charge(clock.perf_counter() - began)

    def _latest(self, k: int) -> Measurement | None:
        history = self.monitors[k].history
        return history[-1] if history else None

    def _prefix(self, k: int) -> str:
        return "sdesim/" if len(self.names) == 1 else f"sdesim/{self.names[k]}/"

    def _show(self, trainer: Any, k: int, measurement: Measurement | None) -> None:
        """The newest numbers where other callbacks and the progress bar look for them."""
        ratio = f"{self._prefix(k)}C_alpha"
        found = {ratio: math.nan} if measurement is None else logged(measurement, self._prefix(k))
        trainer.callback_metrics.update({name: torch.tensor(x) for name, x in found.items()})
        if not math.isnan(found.get(ratio, math.nan)):
            trainer.progress_bar_metrics[f"{self._prefix(k)}C"] = found[ratio]

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Detach everything and close the sinks."""
        self._close()
        self.on_train_batch_end(trainer, pl_module, None, None, 0)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Detach everything and close the sinks: the training was interrupted or failed."""
        self._close()

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Detach everything, if nothing has."""
        self._close()

    def _close(self) -> None:
        for monitor in self.monitors:
            self._guarded("the monitor did not close", monitor.close)


def _id(thing: Any) -> Any:
    return weakref.ref(thing)


def _size(batch: Any) -> int | None:
    """Examples of a batch, None where its tensors do not agree."""
    found = {len(part) if part.ndim else -1 for part in leaves(batch)}
    size = found.pop() if len(found) == 1 else -1
    return size if size > 0 else None


def _path(module: nn.Module, parameters: Iterable[nn.Parameter]) -> str:
    """The innermost part of a module that holds all of these."""
    names = {id(p): name.split(".")[:-1] for name, p in module.named_parameters()}
    paths = [names[id(p)] for p in parameters if id(p) in names]
    common = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ".".join(common)


def _part(module: nn.Module, optimizers: list[Any], k: int) -> nn.Module:
    """The part that the module's steps call, of which optimizer k trains something; the module itself where
    examples may meet elsewhere in it. What is frozen may be thawed, where there is one optimizer."""
    several = len(optimizers) > 1
    part = module.get_submodule(
        _path(module, trained_parameters(optimizers[k]) if several else module.parameters())
    )
    inside = {id(m) for m in part.modules()}
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    return part if all(id(m) in inside for m in norms) else module


def _names(module: nn.Module, optimizers: list[Any]) -> list[str]:
    """What each optimizer trains: the part that holds it, or the optimizer's number where that is the whole
    module or another one's too."""
    found = [_path(module, trained_parameters(optimizer)) for optimizer in optimizers]
    alike = len(set(found)) < len(found)
    return [str(k) if alike or not name else name for k, name in enumerate(found)]
