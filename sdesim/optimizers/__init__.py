"""Optimizers: recipes, of which torch's are made, and what each means for the SDE of training."""

from sdesim.optimizers.adam import Adam as Adam
from sdesim.optimizers.adamw import AdamW as AdamW
from sdesim.optimizers.base import Base as Base
from sdesim.optimizers.sgd import SGD as SGD

__all__ = ["SGD", "Adam", "AdamW", "Base"]
