"""The reference set as arrays."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "reference.csv"
Array = NDArray[np.float64]


class Reference(NamedTuple):
    """Points and the exact logarithms there, rounded to float64."""

    alpha: Array
    beta: Array
    x: Array
    form: NDArray[np.str_]
    log_density: Array
    log_right: Array
    log_left: Array


def read() -> Reference:
    """All points."""
    with FILE.open() as file:
        rows = list(csv.reader(file))[1:]
    columns = list(zip(*rows, strict=True))
    numbers = [np.array(column, dtype=np.float64) for column in (*columns[:3], *columns[4:7])]
    return Reference(*numbers[:3], np.array(columns[3]), *numbers[3:])
