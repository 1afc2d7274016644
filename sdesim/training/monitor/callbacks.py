"""A `Monitor` for trainers that call hooks as Hugging Face's Trainer does."""

from __future__ import annotations

from typing import Any

from sdesim.training.monitor.monitor import Monitor


class TrainerMonitor:
    """Hooks of the `transformers` callback protocol: every hook takes (args, state, control, **kwargs)."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """One optimizer step was made."""
        self.monitor.step()
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Close the sinks."""
        self.monitor.close()
        return control

    def __getattr__(self, name: str) -> Any:
        # The protocol may call hooks that are of no interest here.
        if name.startswith("on_"):
            return lambda args, state, control, **kwargs: control
        raise AttributeError(name)
