"""Quantile tables on disk: read back whole, made anew where they are not."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sdesim.stable.sampling import store
from sdesim.stable.sampling.inversion import Table


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "folder", lambda: tmp_path / "tables")


def made(calls, rows=16, value=1.0):
    def make():
        calls.append(value)
        return Table(np.full((rows, 8), value), 3, 2e-13)

    return make


def files():
    return sorted(store.folder().glob("*"))


def test_a_table_is_made_once_and_comes_back_to_the_bit():
    calls = []

    first = store.kept_table("a", made(calls, value=0.1))
    again = store.kept_table("a", made(calls, value=0.2))
    other = store.kept_table("b", made(calls, value=0.3))

    assert calls == [0.1, 0.3]
    np.testing.assert_array_equal(again.coefficients, first.coefficients)
    assert (again.bits, again.u_error) == (3, 2e-13)
    assert again.coefficients.flags.writeable
    assert other.coefficients[0, 0] == 0.3


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "foreign"])
def test_a_damaged_file_is_made_anew_and_mended(damage):
    calls = []
    store.kept_table("a", made(calls))
    (file,) = files()
    content = file.read_bytes()
    wrong = {
        "flipped": content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
        "cut": content[:-64],
        "empty": b"",
        # Whole and intact, but of another law.
        "foreign": store._packed("b", Table(np.zeros((2, 8)), 3, 0.0)),
    }
    file.write_bytes(wrong[damage])

    found = store.kept_table("a", made(calls))

    assert len(calls) == 2
    assert np.all(found.coefficients == 1.0)
    assert file.read_bytes() == content


def test_without_a_place_to_write_the_table_is_made_in_memory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(store, "folder", lambda: tmp_path / "file" / "tables")
    calls = []

    found = [store.kept_table("a", made(calls)) for _ in range(2)]

    assert len(calls) == 2
    assert np.all(found[1].coefficients == 1.0)


def test_many_writers_at_once_leave_whole_files():
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: store.kept_table(f"{k % 2}", made([], 400, float(k % 2))), range(40)))

    assert all(np.all(table.coefficients == k % 2) for k, table in enumerate(found))
    assert len(files()) == 2
    calls = []
    assert store.kept_table("1", made(calls)).coefficients.shape == (400, 8)
    assert not calls


def test_the_oldest_files_go(monkeypatch):
    monkeypatch.setattr(store, "MOST_KEPT", 3)

    for k in range(6):
        store.kept_table(str(k), made([]))

    calls = []
    store.kept_table("5", made(calls))
    assert len(files()) == 3
    assert not calls
