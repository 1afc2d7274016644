"""Data sets: sizes, splits and label noise."""

import itertools

import numpy as np
import pytest

from sdesim.data import chebyshev, digits, mnist1d, modular_addition, permutations, teacher_student
from sdesim.errors import SdesimError


def test_digits_split_is_disjoint_scaled_and_deterministic():
    a, b, c = digits(1000, 797, seed=3), digits(1000, 797, seed=3), digits(1000, 797, seed=4)

    np.testing.assert_array_equal(a.x_train, b.x_train)
    assert not np.array_equal(a.x_train, c.x_train)
    assert a.x_train.min() == 0.0
    assert a.x_train.max() == 1.0
    assert len(np.unique(np.vstack([a.x_train, a.x_test]), axis=0)) == 1797
    assert (a.features, a.classes) == (64, 10)


def test_label_noise_changes_exactly_the_asked_share_of_training_labels():
    clean, noisy = digits(600, 200, seed=1), digits(600, 200, seed=1, label_noise=0.1)

    assert np.sum(clean.y_train != noisy.y_train) == 60
    np.testing.assert_array_equal(clean.x_train, noisy.x_train)
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)


def test_chosen_classes_are_relabelled_in_order():
    data = digits(100, 50, classes=[7, 1])

    assert set(data.y_train) == {0, 1}


def test_modular_addition_holds_every_pair_once():
    data = modular_addition(7, 0.5, seed=2)

    x, y = np.vstack([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    a, b = x[:, :7].argmax(axis=1), x[:, 7:].argmax(axis=1)
    assert len(data.x_train) == 24
    assert len({*zip(a.tolist(), b.tolist(), strict=True)}) == 49
    np.testing.assert_array_equal(y, (a + b) % 7)


def test_mnist1d_is_standardised_balanced_and_deterministic():
    a, b, c = mnist1d(400, 100, seed=3), mnist1d(400, 100, seed=3), mnist1d(400, 100, seed=4)

    np.testing.assert_array_equal(a.x_train, b.x_train)
    assert not np.array_equal(a.x_train, c.x_train)
    everything = np.vstack([a.x_train, a.x_test])
    assert everything.shape == (500, 40)
    assert everything.mean() == pytest.approx(0.0, abs=1e-12)
    assert everything.std() == pytest.approx(1.0)
    np.testing.assert_array_equal(np.bincount(np.concatenate([a.y_train, a.y_test])), 50)


def test_mnist1d_leaves_the_global_generator_alone():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    mnist1d(10, 10)

    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_label_noise_of_mnist1d_leaves_signals_and_test_labels():
    clean, noisy = mnist1d(400, 100, seed=1), mnist1d(400, 100, label_noise=0.15, seed=1)

    assert np.sum(clean.y_train != noisy.y_train) == 60
    np.testing.assert_array_equal(clean.x_train, noisy.x_train)
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)


MOMENTS_OF_MNIST1D = [
    (lambda x, y: np.mean(x**4), 4.3842, 0.0160),
    (lambda x, y: np.mean(x**3), -0.0743, 0.0077),
    (lambda x, y: np.mean(x[:, 1:] * x[:, :-1]), 0.8157, 0.0006),
    (lambda x, y: np.mean(x[:, 5:] * x[:, :-5]), 0.1992, 0.0018),
    (lambda x, y: np.mean(x[:, 20] ** 2), 1.0121, 0.0167),
    (lambda x, y: np.mean(x[y == 0]), 0.4593, 0.0025),
    (lambda x, y: np.std(x[y == 4]), 0.8897, 0.0053),
    (lambda x, y: np.mean(np.abs(x).max(axis=1)), 2.5288, 0.0028),
    (lambda x, y: np.mean(np.diff(x, n=2, axis=1) ** 2), 0.5224, 0.0024),
]


def test_mnist1d_has_the_moments_of_the_published_generator():
    data = mnist1d(20_000, 0, seed=0)

    # Expected: means over four sets of 20,000 signals from make_dataset of the package mnist1d 0.0.2. The
    # errors are those of the difference, from the spread over 20 sets; Student's t passes 8 at 19 degrees of
    # freedom with a probability of 1.7e-7.
    x, y = data.x_train, data.y_train
    for statistic, expected, error in MOMENTS_OF_MNIST1D:
        assert statistic(x, y) == pytest.approx(expected, abs=8 * error)


def test_permutations_hold_every_pair_once_and_compose():
    data = permutations(4, 0.5, seed=2)

    group = list(itertools.permutations(range(4)))
    x, y = np.vstack([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    a, b = x[:, :24].argmax(axis=1), x[:, 24:].argmax(axis=1)
    assert len(data.x_train) == 288
    assert len({*zip(a.tolist(), b.tolist(), strict=True)}) == 576
    for i, j, label in zip(a, b, y, strict=True):
        assert group[label] == tuple(group[i][k] for k in group[j])


def test_permutations_of_five_are_14400_pairs_in_120_classes():
    data = permutations(5, 0.3)

    assert (data.features, data.classes, len(data.x_train) + len(data.x_test)) == (240, 120, 14_400)


def test_a_teacher_answers_targets_and_disturbs_only_those_of_training():
    clean = teacher_student(300, 100, features=6, hidden=4, outputs=2, seed=1)
    noisy = teacher_student(300, 100, features=6, hidden=4, outputs=2, noise=0.1, seed=1)

    assert not clean.labelled
    assert (clean.features, clean.outputs, clean.y_train.shape) == (6, 2, (300, 2))
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)
    # 600 normal draws: their root mean square has a relative standard error of 1/√1200.
    spread = np.sqrt(np.mean((noisy.y_train - clean.y_train) ** 2))
    assert spread == pytest.approx(0.1, rel=5 / 1200**0.5)


def test_a_teacher_that_classifies_labels_by_its_largest_answer():
    targets = teacher_student(300, 100, outputs=3, seed=1)
    labels = teacher_student(300, 100, outputs=3, task="classification", label_noise=0.1, seed=1)

    assert (labels.labelled, labels.outputs) == (True, 3)
    np.testing.assert_array_equal(labels.y_test, targets.y_test.argmax(axis=1))
    assert np.sum(labels.y_train != targets.y_train.argmax(axis=1)) == 30


def test_chebyshev_is_the_polynomial_at_equally_spaced_points():
    data = chebyshev(5, 20)

    x = data.x_train[:, 0]
    np.testing.assert_allclose(np.diff(x), 2 / 19)
    np.testing.assert_allclose(data.y_train[:, 0], 16 * x**5 - 20 * x**3 + 5 * x, atol=1e-12)
    assert (data.features, data.outputs, len(data.x_test)) == (1, 1, 0)


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
