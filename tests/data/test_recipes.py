"""What every recipe of a data set promises, over the registry."""

import hashlib
import inspect

import numpy as np
import pytest

from sdesim import data
from sdesim.kinds import kinds_of

# Those that need no file.
DRAWN = {name: cls for name, cls in kinds_of("data").items() if name not in ("arrays", "images", "text")}
# Digests of the examples as version 0.1.0 made them, to 9 decimals: the last bits of a sine or an exponential
# are those of the processor's kind.
BITS = [
    (lambda: data.Digits(500, 300, 3, 0.2), "25336682d1f0"),
    (lambda: data.Digits(100, 50, classes=(7, 1), label_noise=0.3), "960b928630cb"),
    (lambda: data.MNIST1D(200, 0, 0.15, 4), "311c0974b73c"),
    (lambda: data.ModularAddition(7, 0.5, 2), "be69e8d33124"),
    (lambda: data.Permutations(4, 0.3, 1), "4cd1f5e64a39"),
    (
        lambda: data.TeacherStudent(300, 100, outputs=3, task="classification", label_noise=0.1, seed=1),
        "b0e515b4c9da",
    ),
    (lambda: data.TeacherStudent(30, 10, 6, 4, 2, noise=0.1, seed=1), "1545faf163ea"),
    (lambda: data.Chebyshev(3, 7), "a8a08f3128b9"),
]


def digest(examples: data.Dataset, decimals: int | None = None) -> str:
    parts = [examples.x_train, examples.y_train, examples.x_test, examples.y_test]
    if decimals is not None:
        # No −0.
        parts = [np.round(a, decimals) + 0 if a.dtype == np.float64 else a for a in parts]
    text = b"".join(np.ascontiguousarray(a).tobytes() + str((a.dtype, a.shape)).encode() for a in parts)
    return hashlib.sha256(text).hexdigest()[:12]


@pytest.mark.parametrize("name", DRAWN)
def test_sizes_are_those_of_the_examples(name):
    recipe = DRAWN[name]()

    sizes = recipe.examples, recipe.features, recipe.outputs, recipe.labelled, recipe.tested
    assert "_made" not in vars(recipe)
    examples = recipe.load()
    tested = len(examples.x_test) > 0
    assert len(examples.x_train) == len(examples.y_train)
    shown = len(examples.x_train), examples.features, examples.outputs, examples.labelled, tested
    assert sizes == shown
    assert examples.x_train.dtype == np.float64
    assert examples.y_train.dtype == (np.int64 if recipe.labelled else np.float64)
    for told in ("shape", "vocabulary", "positions"):
        assert getattr(recipe, told) == getattr(examples, told)
    assert recipe.digest() == ""


@pytest.mark.parametrize("name", DRAWN)
def test_a_recipe_loads_once_and_its_function_anew(name):
    recipe = DRAWN[name]()
    function = getattr(data, {"mnist-1d": "mnist1d"}.get(name, name.replace("-", "_")))

    assert recipe.load() is recipe.load()
    assert digest(function()) == digest(recipe.load())
    assert function().x_train is not recipe.load().x_train
    defaults = [
        {k: p.default for k, p in inspect.signature(f).parameters.items()}
        for f in (function, recipe.__class__)
    ]
    assert defaults[0] == defaults[1]


@pytest.mark.parametrize(("recipe", "expected"), BITS)
def test_bits_of_the_examples_stay(recipe, expected):
    assert digest(recipe().load(), 9) == expected


def test_images_of_each_digit_are_as_many_as_the_recipe_says():
    for classes in ([0], [8, 3], None):
        kept = 1797 if classes is None else {0: 178, 1: 174 + 183}[len(classes) - 1]
        assert len(data.digits(kept, 0, classes=classes).x_train) == kept
