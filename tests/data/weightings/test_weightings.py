"""With which weight each example is drawn."""

import numpy as np
import pytest

from sdesim.data.weightings import Balanced, Base, Classes
from sdesim.errors import RunError
from sdesim.kinds import Misfit, read

LABELS = np.array([2, 0, 0, 2, 0, 5])


def test_balanced_weights_of_a_class_sum_to_one():
    np.testing.assert_array_equal(Balanced().of(LABELS), [1 / 2, 1 / 3, 1 / 3, 1 / 2, 1 / 3, 1.0])
    assert read("weightings", "balanced") == Balanced()


def test_every_example_has_the_weight_of_its_class():
    weighting = Classes([1, 2, 0.5])

    np.testing.assert_array_equal(weighting.of(np.array([2, 0, 1, 2])), [0.5, 1.0, 2.0, 0.5])
    assert (weighting.misfit(3), weighting.misfit(4)) == (
        "",
        "found 3 weights, allowed: 4, one for each class",
    )
    with pytest.raises(RunError, match=r"^weights: found the label 5, allowed: one of 3 classes$"):
        weighting.of(LABELS)
    with pytest.raises(Misfit, match=r"^weights: found only 0, allowed: at least one weight above 0$"):
        Classes([0, 0])
    with pytest.raises(NotImplementedError, match="Base needs of"):
        Base().of(LABELS)
