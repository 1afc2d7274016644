"""A `Monitor` that Lightning's Trainer steps, and what a class takes to be a callback of it."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

from sdesim.errors import RunError
from sdesim.training.watching.unwrapped import bare_optimizer

# The same trainer under its two names.
_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def lightning_monitor(monitor: Any) -> Any:
    """A Lightning callback that steps a `Monitor` whenever the trainer's optimizer has stepped.

    It is a `Callback` of Lightning, where that is installed; without, a plain object with the same hooks. Of
    several optimizers it counts the steps of the monitor's own, else those of the one that makes the most.
    """
    try:
        found = bases()
    except RunError:
        found = ()
    return as_callback(_Stepping, found)(monitor)


class _Stepping:
    def __init__(self, monitor: Any) -> None:
        super().__init__()
        self.monitor = monitor
        self._seen = 0
        self._steps: list[int] | None = None
        self._handles: list[Any] = []

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Count the steps that each optimizer makes from here on."""
        optimizers = [bare_optimizer(optimizer) for optimizer in trainer.optimizers]
        own = [o for o in optimizers if o is getattr(self.monitor, "optimizer", None)]
        self._forget()
        self._steps = [0] * len(own or optimizers)
        for k, optimizer in enumerate(own or optimizers):
            self._handles.append(optimizer.register_step_post_hook(functools.partial(self._count, k)))

    def _count(self, k: int, *args: Any) -> None:
        assert self._steps is not None
        self._steps[k] += 1

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Step once for each optimizer step; with accumulation most batches make none."""
        if self._steps is None:
            made, self._seen = int(trainer.global_step) - self._seen, int(trainer.global_step)
        else:
            made, self._steps = max(self._steps), [0] * len(self._steps)
        for _ in range(made):
            self.monitor.step()

    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Close the sinks."""
        self._forget()
        self.monitor.close()

    def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
        """Detach what counts."""
        self._forget()

    def _forget(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self._steps = [], None


def bases() -> tuple[type, ...]:
    """Lightning's own callbacks: of what the user has loaded, or else of what is installed.

    Raises:
        RunError: it is not.
    """
    found = [getattr(sys.modules.get(package), "Callback", None) for package in _PACKAGES]
    loaded = tuple(base for base in found if base is not None)
    for package in () if loaded else _PACKAGES:
        try:
            return (importlib.import_module(package).Callback,)
        except ImportError:
            continue
    if not loaded:
        raise RunError("SDEMonitor needs the package lightning: pip install lightning")
    return loaded


@functools.cache
def as_callback(cls: Any, own: tuple[type, ...]) -> Any:
    """The class as a callback of Lightning, which takes no other."""
    if not own or issubclass(cls, own):
        return cls
    named = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls.__name__, (cls, *own), named)
