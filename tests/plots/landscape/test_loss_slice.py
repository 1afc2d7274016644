"""The loss along lines."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sdesim import plots, surfaces
from sdesim.errors import RunError

BOWL = surfaces.Quadratic([1.0, 4.0, 9.0])
THETA = np.array([1.0, 2.0, 2.0])


def test_a_given_direction_is_taken_as_it_is():
    ax = plots.loss_slice(BOWL, THETA, np.eye(3)[1:2], points=5)

    s, values = ax.lines[0].get_data()
    np.testing.assert_allclose(values, 0.5 * (1 + 4 * (2 + s) ** 2 + 9 * 4))
    assert ax.lines[-1].get_ydata()[0] == BOWL.loss(THETA)


def test_random_directions_have_the_norm_of_each_layer_or_one():
    asked = []

    def loss(theta):
        asked.append(np.array(theta))
        return (np.asarray(theta) ** 2).sum(axis=-1) + 1.0

    layers = SimpleNamespace(dim=3, loss=loss, groups={"a": slice(0, 1), "b": slice(1, 3)})

    plots.loss_slice(layers, THETA, lines=1, points=3)
    plots.loss_slice(layers, THETA, lines=1, points=3, normalise="unit")

    by_layer, unit = (asked[k][2] - THETA for k in (0, 2))
    np.testing.assert_allclose([abs(by_layer[0]), np.linalg.norm(by_layer[1:])], [1.0, np.sqrt(8.0)])
    assert np.linalg.norm(unit) == pytest.approx(1.0)


def test_along_a_path_marks_are_its_own_losses():
    path = np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])

    line, marks = plots.loss_slice(BOWL, path, "path").lines

    np.testing.assert_allclose(marks.get_xdata(), [0.0, 0.5, 1.0])
    np.testing.assert_allclose(marks.get_ydata(), [2.0, 2.5, 0.0])
    s, along = line.get_data()
    np.testing.assert_allclose(along, 2 * (1 - s) ** 2)


def test_a_plane_has_contours_and_what_does_not_fit_is_refused():
    assert plots.loss_slice(BOWL, THETA, plane=True).collections
    for wrong, words in (
        ({"theta": THETA[:2]}, r"found shape \(2,\), allowed: \(3,\)"),
        ({"theta": THETA, "directions": "path"}, r"allowed: \(T, 3\)"),
        ({"theta": THETA, "directions": "newton"}, "found directions 'newton'"),
        ({"theta": THETA, "directions": np.eye(2)}, r"allowed: \(k, 3\)"),
        ({"theta": THETA, "points": 2}, "three points"),
        ({"theta": np.ones((2, 3)), "directions": "path"}, "ends where it begins"),
        ({"theta": THETA, "directions": np.eye(3)[:1], "plane": True}, "2 and more for a plane"),
    ):
        with pytest.raises(RunError, match=words):
            plots.loss_slice(BOWL, **wrong)
