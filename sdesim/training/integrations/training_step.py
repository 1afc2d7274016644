"""The loss that a LightningModule's own training step gives of a batch, without what it writes elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from sdesim.errors import RunError

# What a module logs by.
_LOGS = ("log", "log_dict")


class TrainingStep:
    """``objective(module, batch)`` of a training by Lightning, for readings that take passes of their own.

    The batch goes through the hooks that a batch of the training does. While it is at work nothing that the
    module logs is kept, and the trainer has no loggers: a step that writes to one by itself fails, and is
    not read.

    Args:
        trainer: Lightning's. module: in training.
    """

    def __init__(self, trainer: Any, module: Any) -> None:
        self._trainer, self._module = trainer, module
        self._numbered = "batch_idx" in inspect.signature(module.training_step).parameters

    def __call__(self, model: Any, batch: Any) -> Tensor:
        """The loss of a batch.

        Raises:
            RunError: the step gives none.
        """
        with _silent(self._trainer, self._module):
            batch = self._module._on_before_batch_transfer(batch, dataloader_idx=0)
            batch = self._trainer.strategy.batch_to_device(batch, dataloader_idx=0)
            found = self._module.training_step(batch, *((0,) if self._numbered else ()))
        loss = found.get("loss") if isinstance(found, Mapping) else found
        if not torch.is_tensor(loss):
            raise RunError("training_step gives no loss of a batch")
        return loss


def own_examples(trainer: Any, module: Any) -> dict[str, Any]:
    """What `watch` is given of a training, so that readings can be bought: loader, held-out examples and
    objective; empty where the module's step can't be made aside."""
    loader = _plain(trainer.train_dataloader)
    if loader is None or not module.automatic_optimization:
        return {}
    names = list(inspect.signature(module.training_step).parameters)
    if not names or names[0] == "dataloader_iter" or set(names[1:]) - {"batch_idx"}:
        return {}
    heldout = trainer.val_dataloaders
    heldout = heldout[0] if isinstance(heldout, list) and len(heldout) == 1 else heldout
    return {"loader": loader, "heldout": _plain(heldout), "objective": TrainingStep(trainer, module)}


def _plain(loader: Any) -> DataLoader[Any] | None:
    """A loader of examples with numbers, else None."""
    plain = isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset)
    return loader if plain and loader.batch_sampler is not None else None


@contextmanager
def _silent(trainer: Any, module: Any) -> Iterator[None]:
    """Without loggers, and with all that modules log thrown away."""
    parts = [part for part in module.modules() if all(hasattr(part, name) for name in _LOGS)]
    held = [{name: vars(part)[name] for name in _LOGS if name in vars(part)} for part in parts]
    loggers = trainer.loggers
    trainer.loggers = []
    try:
        for part in parts:
            vars(part).update(dict.fromkeys(_LOGS, _nothing))
        yield
    finally:
        trainer.loggers = loggers
        for part, own in zip(parts, held, strict=True):
            for name in _LOGS:
                vars(part).pop(name, None)
            vars(part).update(own)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """In the place of what logs."""
