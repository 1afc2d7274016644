"""MNIST-1D: ten one-dimensional digits, hidden by padding, scaling, shifting, shearing and noise.

Source: Greydanus & Kobak, Scaling Down Deep Learning with MNIST-1D, arXiv 2011.14439, section 2. The signals
are drawn here, with the paper's templates and constants: equal to the published ones in distribution, not one
by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le, Lt
from numpy.typing import NDArray

from sdesim.data.base import Base, loader
from sdesim.data.dataset import Dataset, flip_labels
from sdesim.kinds import kind

Array = NDArray[np.float64]
# One stroke of twelve heights for each digit.
_HEIGHTS = np.array(
    [
        [5.0, 6.0, 6.5, 6.75, 7.0, 7.0, 7.0, 7.0, 6.75, 6.5, 6.0, 5.0],
        [5.0, 3.0, 3.0, 3.4, 3.8, 4.2, 4.6, 5.0, 5.4, 5.8, 5.0, 5.0],
        [5.0, 6.0, 6.5, 6.5, 6.0, 5.25, 4.75, 4.0, 3.5, 3.5, 4.0, 5.0],
        [5.0, 6.0, 6.5, 6.5, 6.0, 5.0, 5.0, 6.0, 6.5, 6.5, 6.0, 5.0],
        [5.0, 4.4, 3.8, 3.2, 2.6, 2.6, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
        [5.0, 3.0, 3.0, 3.0, 3.0, 5.0, 6.0, 6.5, 6.5, 6.0, 4.5, 5.0],
        [5.0, 4.0, 3.5, 3.25, 3.0, 3.0, 3.0, 3.0, 3.25, 3.5, 4.0, 5.0],
        [5.0, 7.0, 7.0, 6.6, 6.2, 5.8, 5.4, 5.0, 4.6, 4.2, 5.0, 5.0],
        [5.0, 4.0, 3.5, 3.5, 4.0, 5.0, 5.0, 4.0, 3.5, 3.5, 4.0, 5.0],
        [5.0, 4.0, 3.5, 3.5, 4.0, 5.0, 5.0, 5.0, 5.0, 4.7, 4.3, 5.0],
    ]
)
_DIGITS, _STROKE = _HEIGHTS.shape
_PADDING = (36, 60)
_LENGTH = _STROKE + _PADDING[1]
_POINTS = 40
_LARGEST_SHIFT = 48
_SCALE, _SHEAR = 0.4, 0.75
_CORRELATED, _CORRELATION, _INDEPENDENT = 0.25, 2.0, 0.02


@kind("data", "mnist-1d")
@dataclass(frozen=True)
class MNIST1D(Base):
    """MNIST-1D: signals of 40 points in ten classes, drawn here.

    A stroke of 12 points is padded with 36 to 60 zeros, stretched to 72 points, scaled by 1 ± 0.2, shifted
    cyclically by 0 to 47 points; what is padding becomes correlated noise, everything gets a little
    independent noise and a random slope, and every 72 points are read at 40. Training and test signals
    together then have mean 0 and variance 1. x is (n, 40), the answers are labels (n,), the classes equally
    frequent up to one over all signals.

    Args:
        train: number of training signals.
        test: number of test signals.
        label_noise: share of the training labels replaced by another class; test labels stay right.
        seed: of everything drawn; NumPy's global generator is left alone.

    Source: Greydanus & Kobak, Scaling Down Deep Learning with MNIST-1D, arXiv 2011.14439, section 2.
    """

    train: Annotated[int, Ge(1)] = 4000
    test: Annotated[int, Ge(0)] = 1000
    label_noise: Annotated[float, Ge(0), Le(1)] = 0.0
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    features: ClassVar[int] = _POINTS
    shape: ClassVar[tuple[int, ...]] = (1, _POINTS)
    outputs: ClassVar[int] = _DIGITS
    labelled: ClassVar[bool] = True

    @property
    def examples(self) -> int:
        """Number of training signals."""
        return self.train

    @property
    def test_examples(self) -> int:
        """Number of test examples."""
        return self.test

    @property
    def tested(self) -> bool:
        """Whether there are test signals."""
        return self.test > 0

    def make(self) -> Dataset:
        """Draw the signals."""
        rng = np.random.default_rng(self.seed)
        labels = rng.permutation(np.arange(self.train + self.test) % _DIGITS)
        x = _signals(labels, rng)
        x = (x - x.mean()) / x.std()
        noisy = flip_labels(labels[: self.train], self.label_noise, _DIGITS, rng)
        return Dataset(x[: self.train], noisy, x[self.train :], labels[self.train :])


mnist1d = loader(MNIST1D, "mnist1d")


def _strokes() -> Array:
    """The templates (10, 13): each of variance 1, from 0 on, over 6, with the first zero of the padding."""
    centred = _HEIGHTS - _HEIGHTS.mean(axis=1, keepdims=True)
    scaled = centred / centred.std(axis=1, keepdims=True)
    return np.pad((scaled - scaled[:, :1]) / 6.0, ((0, 0), (0, 1)))


def _signals(labels: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """One signal (40,) for each label: (n,) → (n, 40)."""
    from scipy.ndimage import gaussian_filter1d

    n, grid = len(labels), np.arange(_LENGTH)
    padding = rng.integers(_PADDING[0], _PADDING[1] + 1, size=(n, 1))
    place = grid / (_LENGTH - 1) * (_STROKE + padding - 1)
    signals = _read(_strokes()[labels], np.minimum(place, _STROKE))
    signals *= 1.0 + _SCALE * (rng.random((n, 1)) - 0.5)
    # Cyclic: point j moves to j + shift.
    source = (grid - rng.integers(_LARGEST_SHIFT, size=(n, 1))) % _LENGTH
    signals = np.take_along_axis(signals, source, axis=1)
    stroke = np.take_along_axis(place < _STROKE, source, axis=1)
    smooth = gaussian_filter1d(_CORRELATED * rng.standard_normal((n, _LENGTH)), _CORRELATION, axis=1)
    signals = np.where(stroke, signals, smooth) + _INDEPENDENT * rng.standard_normal((n, _LENGTH))
    signals -= _SHEAR * (rng.random((n, 1)) - 0.5) * np.linspace(-0.5, 0.5, _LENGTH)
    return _read(signals, np.broadcast_to(np.linspace(0, _LENGTH - 1, _POINTS), (n, _POINTS)))


def _read(values: Array, place: Array) -> Array:
    """Linear interpolation of each row at its own fractional positions: (n, k), (n, m) → (n, m)."""
    left = np.minimum(place.astype(np.int64), values.shape[1] - 2)
    share = place - left
    low, high = (np.take_along_axis(values, left + k, axis=1) for k in (0, 1))
    read: Array = (1.0 - share) * low + share * high
    return read
