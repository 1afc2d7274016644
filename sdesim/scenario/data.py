"""Models of the data sets of a scenario, which know their sizes before anything is drawn."""

from __future__ import annotations

from math import factorial
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sdesim.scenario.base import Count, NotNegative, Seed, Strict, Whole

Share = Annotated[float, Field(ge=0, le=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class DigitsData(Strict):
    """scikit-learn's handwritten digits."""

    kind: Literal["digits"]
    train: Count = 1000
    test: Annotated[Whole, Field(ge=0)] = 500
    seed: Seed = 0
    label_noise: Share = 0.0
    classes: list[Annotated[Whole, Field(ge=0, le=9)]] | None = None

    @property
    def features(self) -> int:
        """Number of input features."""
        return 64

    @property
    def outputs(self) -> int:
        """Number of classes or of targets."""
        return 10 if self.classes is None else len(self.classes)

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return self.train

    @property
    def labelled(self) -> bool:
        """Whether the answers are class labels."""
        return True

    @property
    def tested(self) -> bool:
        """Whether there are test examples."""
        return self.test > 0


class Mnist1dData(Strict):
    """MNIST-1D, drawn locally."""

    kind: Literal["mnist-1d"]
    train: Count = 4000
    test: Annotated[Whole, Field(ge=0)] = 1000
    seed: Seed = 0
    label_noise: Share = 0.0

    @property
    def features(self) -> int:
        """Number of input features."""
        return 40

    @property
    def outputs(self) -> int:
        """Number of classes or of targets."""
        return 10

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return self.train

    @property
    def labelled(self) -> bool:
        """Whether the answers are class labels."""
        return True

    @property
    def tested(self) -> bool:
        """Whether there are test examples."""
        return self.test > 0


class ModularData(Strict):
    """All pairs (a, b) with label (a + b) mod p."""

    kind: Literal["modular-addition"]
    p: Annotated[Whole, Field(ge=2)] = 59
    fraction: Fraction = 0.3
    seed: Seed = 0

    @property
    def features(self) -> int:
        """Number of input features."""
        return 2 * self.p

    @property
    def outputs(self) -> int:
        """Number of classes or of targets."""
        return self.p

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return int(self.fraction * self.p**2)

    @property
    def labelled(self) -> bool:
        """Whether the answers are class labels."""
        return True

    @property
    def tested(self) -> bool:
        """Whether there are test examples."""
        return True


class PermutationsData(Strict):
    """All pairs of permutations of n things with the label of their composition."""

    kind: Literal["permutations"]
    n: Annotated[Whole, Field(ge=2, le=5)] = 5
    fraction: Fraction = 0.5
    seed: Seed = 0

    @property
    def features(self) -> int:
        """Number of input features."""
        return 2 * factorial(self.n)

    @property
    def outputs(self) -> int:
        """Number of classes or of targets."""
        return factorial(self.n)

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return int(self.fraction * factorial(self.n) ** 2)

    @property
    def labelled(self) -> bool:
        """Whether the answers are class labels."""
        return True

    @property
    def tested(self) -> bool:
        """Whether there are test examples."""
        return True


class TeacherData(Strict):
    """Random inputs with the answers of a random network: targets, or the largest as a label."""

    kind: Literal["teacher-student"]
    train: Count = 1000
    test: Annotated[Whole, Field(ge=0)] = 1000
    features: Count = 20
    hidden: Count = 10
    outputs: Count = 1
    task: Literal["regression", "classification"] = "regression"
    noise: NotNegative = 0.0
    label_noise: Share = 0.0
    seed: Seed = 0

    @model_validator(mode="after")
    def _of_the_task(self) -> TeacherData:
        if self.task == "regression" and self.label_noise:
            raise ValueError("label_noise is for task: classification")
        if self.task == "classification" and self.noise:
            raise ValueError("noise is for task: regression")
        if self.task == "classification" and self.outputs < 2:
            raise ValueError("task: classification needs outputs of at least 2")
        return self

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return self.train

    @property
    def labelled(self) -> bool:
        """Whether the answers are class labels."""
        return self.task == "classification"

    @property
    def tested(self) -> bool:
        """Whether there are test examples."""
        return self.test > 0


class ChebyshevData(Strict):
    """A Chebyshev polynomial at equally spaced points of [−1, 1], all for training."""

    kind: Literal["chebyshev"]
    degree: Annotated[Whole, Field(ge=0)] = 5
    points: Annotated[Whole, Field(ge=2)] = 20

    @property
    def features(self) -> int:
        """Number of input features."""
        return 1

    @property
    def outputs(self) -> int:
        """Number of classes or of targets."""
        return 1

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return self.points

    @property
    def labelled(self) -> bool:
        """Whether the answers are class labels."""
        return False

    @property
    def tested(self) -> bool:
        """Whether there are test examples."""
        return False


Data = Annotated[
    DigitsData | Mnist1dData | ModularData | PermutationsData | TeacherData | ChebyshevData,
    Field(discriminator="kind"),
]
