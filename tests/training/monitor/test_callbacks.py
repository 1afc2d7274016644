"""Hooks of trainers."""

from __future__ import annotations

from types import SimpleNamespace

from sdesim.training import (
    TrainerMonitor,
    lightning_monitor,
)


def test_trainer_hooks_step_the_monitor_once_for_each_optimizer_step():
    counted = SimpleNamespace(steps=0, closed=0)
    counted.step = lambda: setattr(counted, "steps", counted.steps + 1)
    counted.close = lambda: setattr(counted, "closed", counted.closed + 1)

    callback = lightning_monitor(counted)
    for batch in range(6):
        # Gradients of two batches are accumulated for each step.
        callback.on_train_batch_end(SimpleNamespace(global_step=(batch + 1) // 2), None, None, None, batch)
    callback.on_train_end(SimpleNamespace(), None)
    hooks = TrainerMonitor(counted)
    control = object()
    assert hooks.on_train_begin(None, None, control) is control
    for _ in range(2):
        assert hooks.on_step_end(None, None, control, model=None) is control
    hooks.on_train_end(None, None, control)

    assert (counted.steps, counted.closed) == (5, 2)
