"""What a monitor takes from a `Recipe`."""

from __future__ import annotations

from typing import Any

from sdesim.data import Dataset
from sdesim.errors import RunError
from sdesim.training.data.loaders import loaded
from sdesim.training.loop.recipe import Recipe


def loader_and_validation(recipe: Recipe, loss_fn: Any, loader: Any) -> tuple[Any, Any]:
    """Training and validation examples of a recipe, the last None where there are none.

    Args:
        loss_fn, loader: what was given beside the recipe, which must be None.

    Raises:
        RunError: something beside the recipe that it has itself, or a training whose steps are not those that
            a monitor measures.
    """
    if loss_fn is not None or loader is not None:
        raise RunError("monitor: a recipe has its loss_fn and loader: leave them out beside it")
    foreign = {
        "a mask": recipe.mask is not None,
        "amplify": recipe.amplify != 1,
        "clients": recipe.clients is not None,
        "clip, instead of clip= of the monitor,": recipe.clip is not None,
        "weights, instead of a DataLoader with its WeightedRandomSampler,": recipe.weights is not None,
    }
    for what, given in foreign.items():
        if given:
            raise RunError(f"monitor: a recipe with {what} is measured by record alone")
    train, test = loaded(recipe.train), loaded(recipe.test)
    if isinstance(train, Dataset) and test is None and len(train.x_test):
        test = (train.x_test, train.y_test)
    elif isinstance(test, Dataset):
        test = (test.x_test, test.y_test)
    return train, test
