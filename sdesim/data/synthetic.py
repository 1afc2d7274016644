"""Data with a known rule: what a teacher network says of random inputs, and Chebyshev polynomials."""

from __future__ import annotations

import numpy as np

from sdesim.data.dataset import Dataset, check_sizes, flip_labels
from sdesim.errors import SdesimError

TASKS = ("regression", "classification")


def teacher_student(
    train: int = 1000,
    test: int = 1000,
    features: int = 20,
    hidden: int = 10,
    outputs: int = 1,
    task: str = "regression",
    noise: float = 0.0,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return random inputs with the answers of a random teacher z(x) = W₂ tanh(W₁ x).

    x ~ N(0, 1), the entries of W₁ (hidden, features) ~ N(0, 4/features) and of W₂ (outputs, hidden) ~
    N(0, 1/hidden), all independent.

    Args:
        train: number of training examples.
        test: number of test examples.
        features: of the input.
        hidden: units of the teacher.
        outputs: of the teacher; for "classification" the classes, at least 2.
        task: "regression": the targets are z; "classification": the label is the largest of z.
        noise: for "regression", standard deviation of the noise on the training targets.
        label_noise: for "classification", share of the training labels replaced by another class.
        seed: of everything drawn.

    Returns:
        Dataset with x (n, features) and targets (n, outputs) or labels (n,); test answers are free of noise.

    Raises:
        SdesimError: if an argument is out of range or not of this task.
    """
    check_sizes(train, test)
    if task not in TASKS:
        raise SdesimError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
    least = 1 if task == "regression" else 2
    for name, size, low in (("features", features, 1), ("hidden", hidden, 1), ("outputs", outputs, least)):
        if size < low:
            raise SdesimError(f"{name} must be at least {low} for {task}, got {size}")
    if noise < 0.0 or not np.isfinite(noise):
        raise SdesimError(f"noise must be at least 0, got {noise:g}")
    other, value = ("label_noise", label_noise) if task == "regression" else ("noise", noise)
    if value:
        raise SdesimError(f"{other} is not for {task}, got {value:g}")
    rng = np.random.default_rng(seed)
    first = 2.0 * rng.standard_normal((hidden, features)) / np.sqrt(features)
    second = rng.standard_normal((outputs, hidden)) / np.sqrt(hidden)
    x = rng.standard_normal((train + test, features))
    z = np.tanh(x @ first.T) @ second.T
    if task == "regression":
        disturbed = z[:train] + noise * rng.standard_normal((train, outputs))
        return Dataset(x[:train], disturbed, x[train:], z[train:])
    labels = z.argmax(axis=1).astype(np.int64)
    noisy = flip_labels(labels[:train], label_noise, outputs, rng)
    return Dataset(x[:train], noisy, x[train:], labels[train:])


def chebyshev(degree: int = 5, points: int = 20) -> Dataset:
    """Return the Chebyshev polynomial T_k(x) = cos(k arccos x) at equally spaced points of [−1, 1].

    The task on which the edge of stability is seen in one dimension (Cohen et al. 2021, arXiv 2103.00065,
    appendix).

    Args:
        degree: k, at least 0.
        points: number of points, at least 2; all are for training.

    Returns:
        Dataset with x (points, 1), targets (points, 1) and no test examples.

    Raises:
        SdesimError: if an argument is out of range.
    """
    if degree < 0:
        raise SdesimError(f"degree must be at least 0, got {degree}")
    if points < 2:
        raise SdesimError(f"points must be at least 2, got {points}")
    x = np.linspace(-1.0, 1.0, points)[:, None]
    none = np.empty((0, 1))
    return Dataset(x, np.cos(degree * np.arccos(x)), none, none)
