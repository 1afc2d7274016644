"""Surfaces of which some coordinates are fixed."""

from importlib import import_module

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Minibatch
from sdesim.surfaces import MLP, DoubleWell, Masked, Quadratic, Styblinski, masked

RNG = np.random.default_rng(0)
NETWORK = MLP((3, 4, 2), RNG.standard_normal((9, 3)), RNG.standard_normal((9, 2)))


def test_fixed_coordinates_stay_where_the_surface_starts_or_at_the_given_values():
    mask = np.arange(NETWORK.dim) % 2 == 0

    kept, pruned = masked(NETWORK, mask), masked(NETWORK, mask, values=0.0)

    assert kept.dim == mask.sum()
    np.testing.assert_array_equal(kept.embed(kept.start), NETWORK.start)
    np.testing.assert_array_equal(pruned.start, NETWORK.start[mask])
    np.testing.assert_array_equal(pruned.embed(pruned.start + 1), np.where(mask, NETWORK.start + 1, 0.0))
    np.testing.assert_array_equal(pruned.embed(np.ones((2, 3, pruned.dim))).shape, (2, 3, NETWORK.dim))


def test_a_masked_network_keeps_its_examples_and_layers():
    mask = np.arange(NETWORK.dim) >= 10
    surface = masked(NETWORK, mask)

    rows = surface.example_gradients(surface.start)

    np.testing.assert_array_equal(rows, NETWORK.example_gradients(NETWORK.start)[:, mask])
    assert surface.groups == {"0": slice(0, 6), "2": slice(6, 16)}
    assert Minibatch(surface, 2, 0.1).examples == 9
    assert masked(NETWORK, np.arange(NETWORK.dim) >= 16).groups == {"2": slice(0, 10)}


def test_a_masked_surface_can_be_masked_again():
    surface = masked(masked(Quadratic([1.0, 2.0, 3.0], center=1.0), [True, False, True]), [False, True])
    kernel = surface.kernel()
    out = np.empty((1, 2))

    import_module(kernel.module).grad(np.array([[2.0, 0.0]]), kernel.params, kernel.data0, kernel.data1, out)

    np.testing.assert_array_equal(surface.embed([5.0]), [1.0, 5.0])
    np.testing.assert_array_equal(out, [[3.0, -3.0]])


def test_only_minima_in_the_plane_of_the_fixed_values_are_minima_of_the_masked_surface():
    well = masked(DoubleWell(dim=2), [True, False])
    off_the_plane = masked(Styblinski(2), [True, False])

    np.testing.assert_array_equal(well.minima(), [[-1.0], [1.0]])
    assert off_the_plane.minima().shape == (0, 1)
    assert off_the_plane.well([[-3.0], [3.0]]).tolist() == [0, 2]


def test_coordinates_and_a_random_share_name_the_trained_ones():
    listed = Masked(Styblinski(4), coordinates=[2, 0])
    share = Masked(Styblinski(10), keep=0.3, seed=5)

    assert listed.mask.tolist() == [True, False, True, False]
    assert share.dim == 3
    np.testing.assert_array_equal(share.mask, Masked(Styblinski(10), keep=0.3, seed=5).mask)
    assert not np.array_equal(share.mask, Masked(Styblinski(10), keep=0.3, seed=6).mask)
    assert Masked(Styblinski(2), keep=0.01).dim == 1
    assert Masked(Styblinski(2), [True, False], 1.5) == masked(Styblinski(2), np.array([True, False]), 1.5)


def test_a_masked_surface_of_no_examples_has_none_of_their_gradients():
    surface = masked(DoubleWell(dim=2), [True, False])

    assert surface.examples == 0
    assert not hasattr(surface, "example_gradients")


def test_an_evaluation_sees_all_coordinates():
    labels = np.arange(9) % 2
    network = MLP((3, 4, 2), NETWORK.x, labels, loss="cross_entropy")
    surface = masked(network, np.arange(network.dim) > 3)

    values = surface.evaluation(NETWORK.x[:4], labels[:4]).values(surface.start[None])

    assert values["train_accuracy"] == [network.accuracy(network.start)]
    assert values["test_accuracy"] == [network.accuracy(network.start, NETWORK.x[:4], labels[:4])]
    assert masked(DoubleWell(dim=2), [True, False]).evaluation() is None


@pytest.mark.parametrize(
    ("mask", "values", "words"),
    [
        ([True], None, r"mask: found bool of shape \(1,\), allowed: 2 booleans"),
        ([1, 0], None, "mask: found int64 of shape"),
        ([False, False], None, "at least one coordinate"),
        ([True, False], [0.0], "values: found 1 numbers, allowed: one or 2"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask, values, words):
    with pytest.raises(SdesimError, match=words):
        masked(DoubleWell(dim=2), mask, values)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Masked(DoubleWell(dim=2)), "give exactly one of keep and coordinates"),
        (lambda: Masked(DoubleWell(dim=2), keep=0.5, coordinates=[0]), "give exactly one of"),
        (lambda: Masked(DoubleWell(dim=2), keep=1.5), "keep: found 1.5, allowed: a number of at most 1"),
        (
            lambda: Masked(DoubleWell(dim=2), coordinates=[0, 2]),
            r"coordinates\[1\]: found 2, allowed",
        ),
        (lambda: Masked(DoubleWell(dim=2), coordinates=[]), "at least one coordinate to train"),
        (lambda: Masked(3, [True]), "surface: found 3, allowed: a kind of surfaces"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
