"""A monitor in the Trainer of transformers: one callback, which finds everything by itself.

The Trainer's checkpoints carry what the monitor has read: a callback that is an `ExportableState` is asked
for its state whenever the Trainer's own is written to ``trainer_state.json``.
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import io
import sys
import zlib
from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from sdesim.errors import RunError
from sdesim.training.integrations.alike import Guard, check_keywords, logged, ordered
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.watching.watch import Watch, watch

# How far up the stack the Trainer that calls a callback may be.
_FRAMES = 8
# Arguments of `watch` by which a user says what the Trainer would be asked for.
_SOURCES = ("loss", "objective", "loader", "heldout")


class TrainerMonitor:
    """A callback of transformers' Trainer that watches its training (`watch`).

    ``Trainer(…, callbacks=[TrainerMonitor()])`` and nothing else: model, optimizer, accumulation and
    precision are found. It never changes a weight or a random number of the training, and never ends one:
    what it can't read is told once as a warning, with the reason in ``monitor.reasons``.

    Newest readings are added to what the Trainer logs, as ``sdesim/…``: to its ``log_history`` and to all
    that it reports to. A training that goes on from a checkpoint goes on in steps, history and smoothing.
    Each fit has a watch of its own, whose sinks are opened anew.

    Args:
        monitor: a `Monitor` that is to be stepped instead, as trainers with these hooks do.
        keywords: of `watch`.

    Attributes:
        monitor: the `Watch` of the training in progress or of the last one, None before the first.
        earlier: histories of the fits before.

    Raises:
        RunError: keywords that `watch` has not or refuses, or both a monitor and keywords.
    """

    _only: TrainerMonitor | None = None

    def __new__(cls, *args: Any, **keywords: Any) -> TrainerMonitor:
        # A Trainer that restores callbacks makes new ones of their class, without arguments: each has a class
        # of its own, which gives the one that the user holds.
        if cls._only is not None:
            return cls._only
        own: Any = type(
            cls.__name__, (cls, *_bases()), {"__module__": cls.__module__, "__doc__": cls.__doc__}
        )
        made: TrainerMonitor = object.__new__(own)
        own._only = made
        return made

    def __init__(self, monitor: Any = None, **keywords: Any) -> None:
        if monitor is not None and keywords:
            raise RunError(
                f"TrainerMonitor: found a monitor and {', '.join(sorted(keywords))}, allowed: one of them"
            )
        check_keywords("TrainerMonitor", keywords)
        self._keywords, self._given = keywords, monitor is not None
        self.monitor: Any = monitor
        self.earlier: list[list[Measurement]] = []
        self._stepped, self._logged, self._guarded = False, 0, Guard("TrainerMonitor")
        own: Any = type(self)
        own.__init__ = _left_as_it_is

    def __reduce__(self) -> Any:
        return _again, (type(self).__bases__[0], self.monitor if self._given else None, self._keywords)

    def __getattr__(self, name: str) -> Any:
        # Without transformers: the protocol may call hooks that are of no interest here.
        if name.startswith("on_"):
            return lambda args, state, control, **kwargs: control
        raise AttributeError(name)

    @property
    def history(self) -> list[Measurement]:
        """Measurements of this fit, oldest first."""
        return [] if self.monitor is None else list(self.monitor.history)

    def on_train_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> Any:
        """Watch what is about to be trained, from where its checkpoint was."""
        if not self._given:
            self._end()
            self._guarded("the training is not watched", lambda: self._begin(state, parts))
        elif getattr(state, "global_step", 0):
            self._guarded("steps are numbered anew", lambda: self.monitor.begin_at(int(state.global_step)))
        return control

    def _begin(self, state: Any, parts: Mapping[str, Any]) -> None:
        if self.monitor is not None:
            self.earlier.append(self.monitor.history)
        self.monitor, self._logged = None, 0
        self._guarded.clear()
        trainer = _trainer(self)
        # What is compiled or sharded is called through what wraps the model.
        wrapped = getattr(trainer, "model_wrapped", None)
        model = parts["model"] if wrapped is None else wrapped
        loader = parts.get("train_dataloader")
        self.monitor = self._watched(model, parts["optimizer"], sources(trainer, loader))
        if ordered(loader):
            self.monitor.note("sampler_ignored")
        self._guarded("readings are not in the Trainer's logs", lambda: _move_to_front(self, trainer))
        name = type(self).__name__
        if state.global_step:
            self._guarded(
                "earlier readings are lost", lambda: self._resume(state, state.stateful_callbacks.get(name))
            )
        # A checkpoint of a training without it has no place for its state.
        state.stateful_callbacks.setdefault(name, self.state())

    def _watched(self, model: Any, optimizer: Any, found: Mapping[str, Any]) -> Watch:
        """The watch, with batches for what takes passes of its own, where the user gives none."""
        if found and not any(name in self._keywords for name in _SOURCES):
            try:
                return watch(model, optimizer, **self._keywords, **found)
            except RunError:
                # A data set that can't be drawn from: the batches of the training itself serve.
                pass
        return watch(model, optimizer, **self._keywords)

    def _resume(self, state: Any, stored: Any) -> None:
        """Go on from the state that a checkpoint carried."""
        monitor: Watch = self.monitor
        try:
            monitor.load_state_dict(unpacked(_of_one(stored)))
        except Exception:
            # Of the steps before nothing is known but their number: time counts from here.
            monitor.step = int(state.global_step)
            monitor.note("time_from_resume")
            raise
        finally:
            self._logged = len(monitor.history)

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> Any:
        """A step was made, at the rate that the schedule still has."""
        if self._given:
            self._stepped = True
            self.monitor.step()
        return control

    def on_step_end(self, args: Any, state: Any, control: Any, **parts: Any) -> Any:
        """One optimizer step was made."""
        if self._given and not self._stepped:
            self.monitor.step()
        self._stepped = False
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **parts: Any) -> Any:
        """Add the newest reading to what the Trainer logs of its training."""
        if self.monitor is not None and logs is not None and "loss" in logs:
            self._guarded("readings are not in the Trainer's logs", lambda: self._log(state, logs))
        return control

    def _log(self, state: Any, logs: dict[str, Any]) -> None:
        made = self.monitor.history[self._logged :]
        self._logged += len(made)
        for measurement in made:
            found = logged(measurement)
            logs.update(found)
            if state.log_history:
                state.log_history[-1].update(found)

    def on_train_end(self, args: Any, state: Any, control: Any, **parts: Any) -> Any:
        """Close the sinks."""
        self._end()
        return control

    def _end(self) -> None:
        if self.monitor is not None:
            self._guarded("the monitor did not close", self.monitor.close)

    def state(self) -> dict[str, Any]:
        """What a checkpoint of the Trainer carries: `Watch.state_dict`, packed."""
        attributes: dict[str, str] = {}

        def add() -> None:
            attributes["packed"] = packed(self.monitor.state_dict())

        if self.monitor is not None and not self._given:
            self._guarded("the checkpoint carries no readings", add)
        return {"args": {}, "attributes": attributes}


def sources(trainer: Any, loader: Any) -> dict[str, Any]:
    """Arguments of `watch` that say what is trained on what, as far as a Trainer tells.

    A Trainer whose ``compute_loss`` is its user's own is not asked: calling it may do more than give a loss.
    """
    home: Any = sys.modules.get("transformers.trainer")
    own = getattr(home, "Trainer", None)
    if trainer is None or own is None or type(trainer).compute_loss is not own.compute_loss:
        return {}
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return {}
    found: dict[str, Any] = {"loader": loader}
    if trainer.label_smoother is not None or trainer.compute_loss_func is not None:
        found["objective"] = lambda model, batch: trainer.compute_loss(model, dict(batch))
    held = trainer.eval_dataset
    if held is not None and not isinstance(held, dict | IterableDataset):
        found["heldout"] = trainer.get_eval_dataloader()
    return found


def _of_one(stored: Any) -> str:
    """The packed state among what a checkpoint carried of this class of callbacks."""
    if isinstance(stored, list):
        raise RunError("two monitors of one Trainer")
    found = ((stored or {}).get("attributes") or {}).get("packed")
    if found is None:
        raise RunError("the checkpoint has none")
    return str(found)


def packed(state: Mapping[str, Any]) -> str:
    """A state as text, for a file that holds nothing else."""
    held = io.BytesIO()
    torch.save(dict(state), held)
    return base64.b64encode(zlib.compress(held.getvalue())).decode("ascii")


def unpacked(text: str) -> dict[str, Any]:
    """The state again; tensors and plain numbers, strings and lists alone, so that nothing is executed."""
    held = io.BytesIO(zlib.decompress(base64.b64decode(text)))
    return dict(torch.load(held, weights_only=True))


def _bases() -> tuple[type, ...]:
    """What transformers' own callbacks are, where it is installed."""
    if importlib.util.find_spec("transformers") is None:
        return ()
    home = importlib.import_module("transformers.trainer_callback")
    return home.TrainerCallback, home.ExportableState


def _left_as_it_is(self: TrainerMonitor) -> None:
    """Of a callback that is asked for once more."""


def _again(cls: type[TrainerMonitor], monitor: Any, keywords: Mapping[str, Any]) -> TrainerMonitor:
    return cls(monitor, **keywords)


def _trainer(callback: TrainerMonitor) -> Any:
    """The Trainer that calls a callback, which is given no reference to it; None where it is not met."""
    frame = sys._getframe(1)
    for _ in range(_FRAMES):
        if frame.f_back is None:
            return None
        frame = frame.f_back
        handler = getattr(frame.f_locals.get("self"), "callback_handler", None)
        if any(one is callback for one in getattr(handler, "callbacks", ())):
            return frame.f_locals["self"]
    return None


def _move_to_front(callback: TrainerMonitor, trainer: Any) -> None:
    """Before the callbacks that report what is logged, so that they are given its readings too.

    Those between move up by one while all of them are being called: none is called twice or left out.
    """
    if trainer is None:
        raise RunError("the Trainer is not met")
    callbacks = trainer.callback_handler.callbacks
    callbacks.insert(0, callbacks.pop(next(k for k, one in enumerate(callbacks) if one is callback)))
