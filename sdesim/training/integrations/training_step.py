"""The loss that a LightningModule's own training step gives of a batch, without what it writes elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from sdesim.errors import RunError
from sdesim.training.data.undisturbed import undisturbed
from sdesim.training.probes.guard import Kept

# What a module logs by.
_LOGS = ("log", "log_dict")


class TrainingStep:
    """``objective(module, batch)`` of a training by Lightning, for readings that take passes of their own.

    Precision is that of the weights. The batch goes through the hooks that a batch of the training does.
    While it is at work nothing that the module logs is kept, and the trainer has no loggers: a step that
    writes to one by itself fails, and is not read.

    Args:
        trainer: Lightning's. module: in training.
    """

    def __init__(self, trainer: Any, module: Any) -> None:
        self._trainer, self._module = trainer, module
        # The number of the batch, where the step takes one.
        self._others = (0,) * (len(inspect.signature(module.training_step).parameters) - 1)

    def __call__(self, model: Any, batch: Any) -> Tensor:
        """The loss of a batch.

        Raises:
            RunError: the step gives none.
        """
        # The caller puts back what the model it knows has written.
        kept = None if model is self._module else Kept(self._module)
        with ExitStack() as stack:
            if kept is not None:
                stack.callback(kept.restore)
            stack.enter_context(_silent(self._trainer, self._module))
            batch = self._module._on_before_batch_transfer(batch, dataloader_idx=0)
            batch = self._trainer.strategy.batch_to_device(batch, dataloader_idx=0)
            found = self._module.training_step(batch, *self._others)
        loss = found.get("loss") if isinstance(found, Mapping) else found
        if not torch.is_tensor(loss):
            raise RunError("training_step gives no loss of a batch")
        return loss


def own_examples(trainer: Any, module: Any) -> dict[str, Any]:
    """What `watch` is given of a training, so that readings can be bought: loader, held-out examples and
    objective; empty where the module's step can't be made aside, as where other ranks may wait in it."""
    loader = _plain(trainer.train_dataloader)
    if loader is None or not module.automatic_optimization or trainer.world_size > 1:
        return {}
    names = list(inspect.signature(module.training_step).parameters)
    if len(names) not in (1, 2) or names[0] == "dataloader_iter":
        return {}
    heldout = trainer.val_dataloaders
    heldout = _plain(heldout[0] if isinstance(heldout, list) and len(heldout) == 1 else heldout)
    if heldout is not None and not _alike(loader.dataset, heldout.dataset):
        heldout = None
    return {"loader": loader, "heldout": heldout, "objective": TrainingStep(trainer, module)}


def _plain(loader: Any) -> DataLoader[Any] | None:
    """A loader of examples with numbers, else None."""
    plain = isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset)
    return loader if plain and loader.batch_sampler is not None else None


def _alike(data: Any, other: Any) -> bool:
    """Whether a step for the examples of one data set can be made with those of another."""
    try:
        with undisturbed(0, data, other):
            return bool(_form(data[0]) == _form(other[0]))
    except Exception:
        # They have no numbers, or none of 0.
        return False


def _form(x: Any) -> Any:
    if torch.is_tensor(x):
        return x.ndim, x.dtype
    if isinstance(x, Mapping):
        return {key: _form(part) for key, part in x.items()}
    return [_form(part) for part in x] if isinstance(x, tuple | list) else type(x)


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
