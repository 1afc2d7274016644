"""Learning rates in the course of a training, as shares of the optimizer's."""

from sdesim.optimizers.learning_rates.base import Base as Base
from sdesim.optimizers.learning_rates.constant import Constant as Constant
from sdesim.optimizers.learning_rates.cosine import Cosine as Cosine
from sdesim.optimizers.learning_rates.step import Step as Step

__all__ = ["Base", "Constant", "Cosine", "Step"]
