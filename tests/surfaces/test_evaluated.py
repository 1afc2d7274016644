"""Numbers read off at saved points, of a model of which all or some coordinates are trained."""

import numpy as np

from sdesim.surfaces.evaluated import Embedded, Evaluated

POINTS = np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 0.0]])
READ = Evaluated({"test_loss": lambda t: float(t.sum()), "test_accuracy": lambda t: float(t[-1] > 1)})


def test_each_point_is_read_for_itself():
    found = READ.values(POINTS)

    assert {name: values.tolist() for name, values in found.items()} == {
        "test_loss": [3.0, 8.0, 0.0], "test_accuracy": [1.0, 1.0, 0.0]
    }  # fmt: skip
    assert Evaluated().values(POINTS) == {}


def test_a_model_sees_the_coordinates_that_are_not_trained_too():
    embedded = Embedded(READ, lambda t: np.concatenate([t, np.full((len(t), 1), -4.0)], axis=1))

    found = embedded.values(POINTS)

    assert found["test_loss"].tolist() == [-1.0, 4.0, -4.0]
    assert found["test_accuracy"].tolist() == [0.0, 0.0, 0.0]
