"""Arrays come back to the bit, or the file is refused in one line."""

import io

import numpy as np
import pytest

from sdesim.errors import RunError
from sdesim.io.sealed import read_sealed, write_sealed

HELD = {
    "x": np.array([[0.1, -0.0, np.nan]]),
    "step": np.array(7),
    "key": np.array("a"),
    "none": np.zeros((0, 3)),
}


@pytest.fixture
def file(tmp_path):
    write_sealed(tmp_path / "state", HELD)
    return tmp_path / "state"


def test_what_was_written_is_read_to_the_bit(file):
    found = read_sealed(file, "")

    assert set(found) == set(HELD)
    for name, array in HELD.items():
        assert found[name].tobytes() == array.tobytes()
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)


def test_every_cut_and_every_flipped_byte_is_one_line_or_changes_nothing(file):
    content = file.read_bytes()
    refused = []
    # Headers, contents and the directory at the end.
    for place in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        for edited in (content[:place], bytes(flipped)):
            file.write_bytes(edited)
            try:
                found = read_sealed(file, "remove it")
            except RunError as error:
                refused.append(str(error))
            else:
                assert all(found[name].tobytes() == array.tobytes() for name, array in HELD.items())
    assert len(refused) > len(content) // 7
    assert all("\n" not in line and line.endswith("remove it") for line in refused)


def test_edited_arrays_and_pickles_are_refused(file, tmp_path):
    with np.load(file) as stored:
        held = dict(stored)
    np.savez(tmp_path / "edited.npz", **(held | {"step": np.array(10**12)}))
    np.savez(tmp_path / "more.npz", **held, further=np.array(1))
    np.savez(tmp_path / "pickled.npz", **(held | {"step": np.array([object()])}))
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    (tmp_path / "one.npz").write_bytes(buffer.getvalue())

    for name in ("edited", "more"):
        with pytest.raises(RunError, match="is not as it was written"):
            read_sealed(tmp_path / f"{name}.npz", "")
    for name in ("pickled", "one", "missing"):
        with pytest.raises(RunError, match="can't be read"):
            read_sealed(tmp_path / f"{name}.npz", "")
