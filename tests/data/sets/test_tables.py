"""Named columns of numbers in files."""

import numpy as np
import pytest

from sdesim.data.sets.tables import Csv, Npz
from sdesim.errors import SdesimError


def test_columns_of_a_csv_file_are_read_by_name(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("u, v,y\n1,2,0\n\n3,4.5,1\n")

    table = Csv(file)

    assert (table.names, table.inputs(["y"]), table.shape("v")) == (("u", "v", "y"), ("u", "v"), (2, 1))
    assert [block.tolist() for block in table.read(["v", "u"])] == [[[2.0], [4.5]], [[1.0], [3.0]]]


def test_arrays_of_an_npz_file_are_flattened_to_rows(tmp_path):
    file = tmp_path / "a.npz"
    np.savez(file, x=np.arange(12, dtype=np.int32).reshape(2, 3, 2), one=np.array(1.0), words=np.array(["a"]))

    table = Npz(file)

    assert (table.names, table.inputs([]), table.shape("x")) == (("x", "one", "words"), ("x",), (2, 6))
    (block,) = table.read(["x"])
    assert block.dtype == np.float64
    np.testing.assert_array_equal(block, np.arange(12.0).reshape(2, 6))
    with pytest.raises(SdesimError, match=r"^words of a.npz holds <U1, allowed: numbers$"):
        table.shape("words")
    with pytest.raises(SdesimError, match=r"^one of a.npz is one number"):
        table.shape("one")
