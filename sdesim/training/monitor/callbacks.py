"""A `Monitor` for trainers that call hooks: Lightning."""

from __future__ import annotations

import importlib
from typing import Any

from sdesim.training.monitor.monitor import Monitor


def lightning_monitor(monitor: Monitor) -> Any:
    """A Lightning callback that steps the monitor whenever the trainer's optimizer has stepped.

    It is a `Callback` of lightning (or pytorch_lightning), whichever is installed, so that a Trainer takes
    it; without either it is a plain object with the same hooks.
    """
    base: Any = object
    for package in ("lightning.pytorch", "pytorch_lightning"):
        try:
            base = importlib.import_module(package).Callback
            break
        except ImportError:
            continue
    return type("LightningMonitor", (_Lightning, base), {})(monitor)


class _Lightning:
    def __init__(self, monitor: Monitor) -> None:
        super().__init__()
        self.monitor = monitor
        self._seen = 0

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Step once for each optimizer step; with accumulation most batches make none."""
        for _ in range(int(trainer.global_step) - self._seen):
            self.monitor.step()
        self._seen = int(trainer.global_step)

    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Close the sinks."""
        self.monitor.close()
