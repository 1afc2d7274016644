"""Training data in whatever form it comes, as two tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from sdesim.data import Dataset
from sdesim.errors import RunError

SAMPLINGS = ("epoch", "with-replacement")


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs x (n, …) in the network's dtype and y (n, …), int64 labels or targets of that dtype."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)

    @property
    def labelled(self) -> bool:
        """Whether y holds one whole-number label for each example, so that accuracy means something."""
        return self.y.ndim == 1 and not self.y.is_floating_point()


def training_and_test(train: Any, test: Any, dtype: torch.dtype) -> tuple[Examples, Examples | None]:
    """Read the arguments train and test of `record`; a `sdesim.data.Dataset` brings its own test examples."""
    if isinstance(train, Dataset):
        if test is None and len(train.x_test):
            test = (train.x_test, train.y_test)
        train = (train.x_train, train.y_train)
    if isinstance(test, Dataset):
        test = (test.x_test, test.y_test)
    return read_examples(train, "train", dtype), None if test is None else read_examples(test, "test", dtype)


def read_examples(source: Any, name: str, dtype: torch.dtype) -> Examples:
    """Return a pair (X, y) of arrays or tensors, or a torch Dataset of pairs, as `Examples`.

    Raises:
        RunError: if it is neither, is empty, or X and y differ in length.
    """
    if isinstance(source, TensorDataset):
        source = source.tensors
    if isinstance(source, tuple | list) and len(source) == 2:
        x, y = torch.as_tensor(source[0]), torch.as_tensor(source[1])
    elif hasattr(source, "__getitem__") and hasattr(source, "__len__") and len(source):
        pairs = [source[i] for i in range(len(source))]
        if any(not isinstance(pair, tuple | list) or len(pair) != 2 for pair in pairs):
            raise RunError(f"{name} must give pairs (x, y)")
        x = torch.stack([torch.as_tensor(pair[0]) for pair in pairs])
        y = torch.stack([torch.as_tensor(pair[1]) for pair in pairs])
    else:
        raise RunError(
            f"{name} must be (X, y), a torch Dataset with a length or a sdesim.data.Dataset, "
            f"got {type(source).__name__}"
        )
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or not len(x):
        raise RunError(f"{name}: X and y must be equally long and not empty, got {x.shape} and {y.shape}")
    x = x.detach().cpu()
    y = y.detach().cpu()
    return Examples(
        x.to(dtype) if x.is_floating_point() else x, y.to(dtype) if y.is_floating_point() else y.long()
    )


def minibatches(
    n: int, batch_size: int | None, sampling: str, generator: torch.Generator
) -> Iterator[Tensor | None]:
    """Indices (B,) of one minibatch after another, without end; None stands for all n examples.

    "epoch" walks through a new shuffle of all examples each epoch and drops the incomplete last batch;
    "with-replacement" draws B independent examples each time.
    """
    while True:
        if batch_size is None:
            yield None
        elif sampling == "epoch":
            order = torch.randperm(n, generator=generator)
            for start in range(0, n - batch_size + 1, batch_size):
                yield order[start : start + batch_size]
        else:
            yield torch.randint(n, (batch_size,), generator=generator)
