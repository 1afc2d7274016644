"""What a random teacher network says of random inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le, Lt

from sdesim.data.base import Base, loader
from sdesim.data.dataset import Dataset, flip_labels
from sdesim.kinds import Misfit, kind


@kind("data", "teacher-student")
@dataclass(frozen=True)
class TeacherStudent(Base):
    """Random inputs with the answers of a random teacher z(x) = W₂ tanh(W₁ x).

    x ~ N(0, 1), the entries of W₁ (hidden, features) ~ N(0, 4/features) and of W₂ (outputs, hidden) ~
    N(0, 1/hidden), all independent. x is (n, features), the answers are targets (n, outputs) or labels (n,);
    those of the test are free of noise.

    Args:
        train: number of training examples.
        test: number of test examples.
        features: of the input.
        hidden: units of the teacher.
        outputs: of the teacher; for classification the classes, at least 2.
        task: regression: the targets are z; classification: the label is the largest of z.
        noise: for regression, standard deviation of the noise on the training targets.
        label_noise: for classification, share of the training labels replaced by another class.
        seed: of everything drawn.
    """

    train: Annotated[int, Ge(1)] = 1000
    test: Annotated[int, Ge(0)] = 1000
    features: Annotated[int, Ge(1)] = 20
    hidden: Annotated[int, Ge(1)] = 10
    outputs: Annotated[int, Ge(1)] = 1
    task: Literal["regression", "classification"] = "regression"
    noise: Annotated[float, Ge(0)] = 0.0
    label_noise: Annotated[float, Ge(0), Le(1)] = 0.0
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    def __post_init__(self) -> None:
        if not self.labelled and self.label_noise:
            raise Misfit("label_noise", f"found {self.label_noise:g}, allowed: 0 for task: regression")
        if self.labelled and self.noise:
            raise Misfit("noise", f"found {self.noise:g}, allowed: 0 for task: classification")
        if self.labelled and self.outputs < 2:
            raise Misfit("outputs", f"found {self.outputs}, allowed: at least 2 for task: classification")

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return self.train

    @property
    def labelled(self) -> bool:
        """Whether the answers are class labels."""
        return self.task == "classification"

    @property
    def test_examples(self) -> int:
        """Number of test examples."""
        return self.test

    @property
    def tested(self) -> bool:
        """Whether there are test examples."""
        return self.test > 0

    def make(self) -> Dataset:
        """Draw the teacher, the inputs and its answers."""
        rng = np.random.default_rng(self.seed)
        first = 2.0 * rng.standard_normal((self.hidden, self.features)) / np.sqrt(self.features)
        second = rng.standard_normal((self.outputs, self.hidden)) / np.sqrt(self.hidden)
        x = rng.standard_normal((self.train + self.test, self.features))
        z = np.tanh(x @ first.T) @ second.T
        seen, unseen = x[: self.train], x[self.train :]
        if not self.labelled:
            disturbed = z[: self.train] + self.noise * rng.standard_normal((self.train, self.outputs))
            return Dataset(seen, disturbed, unseen, z[self.train :])
        labels = z.argmax(axis=1).astype(np.int64)
        noisy = flip_labels(labels[: self.train], self.label_noise, self.outputs, rng)
        return Dataset(seen, noisy, unseen, labels[self.train :])


teacher_student = loader(TeacherStudent, "teacher_student")
