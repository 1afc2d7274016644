"""Data sets: sizes, splits and label noise."""

import pytest

from sdesim.data import chebyshev, digits, mnist1d, modular_addition, permutations, teacher_student
from sdesim.errors import SdesimError


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mnist1d(0, 10), "train: found 0, allowed: a number of at least 1"),
        (
            lambda: mnist1d(10, 10, label_noise=-0.1),
            "label_noise: found -0.1, allowed: a number of at least 0",
        ),
        (lambda: permutations(6, 0.5), "n: found 6, allowed: a number of at most 5"),
        (lambda: permutations(3, 0.0), "fraction: found 0.0, allowed: a number above 0"),
        (lambda: permutations(2, 0.1), "fraction: found 0.1 of 4 pairs, allowed: a share that leaves some"),
        (lambda: teacher_student(task="both"), "task: found 'both', allowed: regression, classification"),
        (lambda: teacher_student(task="classification"), "outputs: found 1, allowed: at least 2"),
        (lambda: teacher_student(label_noise=0.1), "label_noise: found 0.1, allowed: 0 for task: regression"),
        (
            lambda: teacher_student(outputs=2, noise=1, task="classification"),
            "noise: found 1, allowed: 0 for",
        ),
        (lambda: chebyshev(points=1), "points: found 1, allowed: a number of at least 2"),
        (lambda: digits(1700, 100), "train: found 1800 with test, allowed: at most 1797 images"),
        (lambda: digits(300, 100, classes=[0, 1]), "train: found 400 with test, allowed: at most 360 images"),
        (lambda: digits(10, 10, label_noise=1.5), "label_noise: found 1.5, allowed: a number of at most 1"),
        (
            lambda: digits(10, 10, label_noise=0.5, classes=[3]),
            "label_noise: found 0.5, allowed: 0 for a single",
        ),
        (lambda: digits(10, 10, classes=[3, 12]), r"classes\[1\]: found 12, allowed: a number of at most 9"),
        (lambda: digits(10, 10, classes=[3, 3]), r"classes: found \[3, 3\], allowed: different digits"),
        (lambda: modular_addition(7, 1.0), "fraction: found 1.0, allowed: a number below 1"),
        (lambda: modular_addition(1, 0.5), "p: found 1, allowed: a number of at least 2"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
