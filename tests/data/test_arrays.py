"""Examples from files of one's own."""

import pickle

import numpy as np
import pytest

from sdesim.data import Arrays
from sdesim.kinds import Misfit, dump, read, trusting

X = np.random.default_rng(0).normal(size=(20, 2, 3))
Y = np.arange(20) % 3
TABLE = "age, height,y\n1,2.5,0\n3,4,1\n\n5,6,2\n7,1e1,1\n9,1,0\n"


@pytest.fixture
def folder(tmp_path):
    """A scenario's folder with files, in which relative paths are sought."""
    np.savez(tmp_path / "good.npz", x=X, y=Y, extra=X[:, 0, 0])
    (tmp_path / "good.csv").write_text(TABLE, encoding="utf-8-sig")
    with trusting(folder=tmp_path):
        yield tmp_path


def test_an_npz_file_is_split_by_its_seed_and_every_row_is_used_once(folder):
    recipe = Arrays("good.npz", test=0.25, seed=3)

    assert (recipe.examples, recipe.features, recipe.outputs) == (15, 6, 3)
    assert (recipe.labelled, recipe.tested) == (True, True)
    examples = recipe.load()
    order = np.random.default_rng(3).permutation(20)
    np.testing.assert_array_equal(examples.x_train, X.reshape(20, 6)[order[:15]])
    np.testing.assert_array_equal(examples.y_test, Y[order[15:]])
    assert examples.y_train.dtype == np.int64
    other = Arrays("good.npz", test=0.25, seed=4).load()
    assert not np.array_equal(other.y_test, examples.y_test)


def test_arrays_and_columns_stand_side_by_side_in_the_order_given(folder):
    npz = Arrays("good.npz", inputs=["extra", "x"], test=0)
    csv = Arrays("good.csv", inputs=("y", "age"), target="height", labelled=False, test=0)

    np.testing.assert_array_equal(npz.load().x_train[:, 0], X[:, 0, 0])
    assert npz.features == 7
    np.testing.assert_array_equal(csv.load().x_train, [[0, 1], [1, 3], [2, 5], [1, 7], [0, 9]])
    np.testing.assert_array_equal(csv.load().y_train, [[2.5], [4], [6], [10], [1]])
    assert (csv.outputs, csv.tested, len(csv.load().x_test)) == (1, False, 0)


def test_all_other_columns_are_inputs_and_a_second_file_is_the_test(folder):
    (folder / "more.csv").write_text("y,height,age\n4,1,2\n")

    recipe = read("data", {"kind": "arrays", "file": "good.csv", "test": "more.csv"})

    assert (recipe.examples, recipe.features, recipe.outputs, recipe.tested) == (5, 2, 5, True)
    # By name, not by place.
    np.testing.assert_array_equal(recipe.load().x_test, [[2, 1]])
    np.testing.assert_array_equal(recipe.load().y_test, [4])


def test_the_digest_follows_the_bytes_of_the_files_and_the_place_settles_when_it_is_made(
    folder, tmp_path_factory
):
    recipe = Arrays("good.csv", test=0.4)
    before = recipe.digest()
    with trusting(folder=tmp_path_factory.mktemp("elsewhere")):
        assert recipe.digest() == before
        assert len(recipe.load().x_train) == 3

    (folder / "good.csv").write_text(TABLE.replace("2.5", "2.6"))

    assert recipe.digest() != before
    assert Arrays("good.csv", test="good.csv").digest() != Arrays("good.csv").digest()


def test_it_travels_as_its_fields(folder):
    recipe = Arrays("good.csv", inputs=["age"], test=0.4)
    recipe.load()

    assert read("data", dump(recipe)) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert len(pickle.dumps(recipe)) < 500


def test_a_file_that_changes_after_its_sizes_were_read_is_refused(folder):
    recipe = Arrays("good.csv", test=0)
    (folder / "good.csv").write_text(TABLE + "1,1,1\n")

    with pytest.raises(Misfit, match=r"file: good.csv has changed since its sizes were read"):
        recipe.load()


FILES = {
    "objects.npz": {"x": np.array([{}, 1], dtype=object), "y": Y[:2]},
    "short.npz": {"x": X[:5], "y": Y},
    "negative.npz": {"x": X, "y": Y - 1},
    "text.npz": {"x": np.array(["a"] * 20), "y": Y},
    "one.npz": {"x": np.float64(3), "y": Y},
    "empty.npz": {"x": X[:0], "y": Y[:0]},
    "ragged.csv": "a,b,y\n1,2,0\n1,2,3,0\n",
    "text.csv": "a,b,y\n1,2,0\n1,x,1\n1,1,0\n",
    "gap.csv": "a,b,y\n1,,0\n1,2,1\n1,1,0\n",
    "infinite.csv": "a,b,y\n1,inf,0\n1,2,1\n1,1,0\n",
    "half.csv": "a,y\n1,0.5\n2,1\n3,2\n4,1\n",
    "head.csv": "a,b,y\n",
    "none.csv": "",
    "twice.csv": "a,a,y\n1,2,3\n",
    "bytes.csv": b"\xff\xfe\x00a,b",
    "junk.npz": b"hello",
    "words.dat": "a",
}
WRONG = [
    ({"file": "no.npz"}, r"file: found 'no.npz', allowed: an npz, CSV or Parquet file; there is none at /"),
    ({"file": "words.dat"}, r"format: missing, and the file's ending, .dat, is not .npz, .csv or .parquet"),
    ({"file": "good.npz", "format": "cvs"}, r"format: found 'cvs', allowed: npz, csv, parquet, did"),
    ({"file": "good.npz", "format": "csv"}, r"file: good.npz is no CSV file: "),
    ({"file": "junk.npz"}, r"file: junk.npz is no npz file: "),
    ({"file": "bytes.csv"}, r"file: bytes.csv is no CSV file: "),
    ({"file": "objects.npz"}, r"file: x of objects.npz holds object, allowed: numbers"),
    ({"file": "text.npz"}, r"file: x of text.npz holds <U1, allowed: numbers"),
    ({"file": "one.npz"}, r"file: x of one.npz is one number, allowed: one row per example"),
    ({"file": "short.npz"}, r"file: found 5 rows of x and 20 of y in short.npz, allowed: equally many"),
    ({"file": "empty.npz"}, r"file: empty.npz has no rows"),
    ({"file": "head.csv"}, r"file: head.csv has no rows"),
    ({"file": "none.csv"}, r"file: none.csv has no names of columns in its first line"),
    ({"file": "twice.csv"}, r"file: twice.csv has two columns 'a', allowed: every name once"),
    ({"file": "ragged.csv"}, r"file: ragged.csv line 3: found 4 cells, allowed: 3, as in the first line"),
    ({"file": "negative.npz"}, r"target: found -1 in negative.npz, allowed: labels 0, 1, …; or"),
    ({"file": "half.csv"}, r"target: found 0.5 in half.csv, allowed: labels 0, 1, …; or labelled: false"),
    ({"file": "good.npz", "inputs": "z"}, r"inputs: found 'z', allowed: what good.npz holds, x, y, extra"),
    ({"file": "good.csv", "inputs": ["age", "age"]}, r"inputs: found 'age' twice, allowed: every name once"),
    ({"file": "good.csv", "inputs": "y"}, r"inputs: found 'y', allowed: names that are not in target"),
    ({"file": "good.csv", "target": ["y", "age"]}, r"target: found 2 numbers per row, allowed: one label"),
    ({"file": "half.csv", "target": ["y", "a"], "labelled": False}, r"target: found y, a, which leaves no"),
    ({"file": "good.npz", "test": 0.01}, r"test: found 0.01, allowed: a share that leaves some of the 20"),
    ({"file": "good.npz", "test": 0.99}, r"test: found 0.99, allowed: a share that leaves some of the 20"),
    ({"file": "good.npz", "test": 1}, r"test: found 1, allowed: a number below 1"),
    ({"file": "good.npz", "test": "no.npz"}, r"test: found 'no.npz', allowed: a share below 1, or a file;"),
    ({"file": "good.npz", "test": "junk.npz"}, r"test: junk.npz is no npz file"),
    ({"file": "good.npz", "labelled": "yes"}, r"labelled: found 'yes', allowed: true or false"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "words"), WRONG)
def test_what_does_not_fit_is_told_in_one_line_before_anything_is_loaded(folder, fields, words):
    _write(folder)

    with pytest.raises(Misfit, match=f"^{words}") as caught:
        read("data", {"kind": "arrays", **fields})

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nan.npz", r"file: x of nan.npz, row 2, number 4: found nan, allowed: finite numbers"),
        ("text.csv", r"file: text.csv line 3, column b: found 'x', allowed: a finite number"),
        ("gap.csv", r"file: gap.csv line 2, column b: found '', allowed: a finite number"),
        ("infinite.csv", r"file: infinite.csv line 2, column b: found 'inf', allowed: a finite number"),
    ],
)
def test_inputs_that_are_no_numbers_are_found_when_they_load(folder, name, words):
    _write(folder)
    holed = X.copy()
    holed[2, 1, 1] = np.nan
    np.savez(folder / "nan.npz", x=holed, y=Y)

    with pytest.raises(Misfit, match=f"^{words}$"):
        Arrays(name, test=1 / 3).load()


def test_a_damaged_npz_file_is_told_in_one_line(folder):
    content = bytearray((folder / "good.npz").read_bytes())
    content[400:500] = bytes(100)
    (folder / "good.npz").write_bytes(content)

    with pytest.raises(Misfit, match=r"^file: good.npz (can't be read|is no npz file): .+$"):
        Arrays("good.npz").load()


def test_parquet_without_pyarrow_says_how_to_get_it(folder):
    (folder / "a.parquet").write_bytes(b"PAR1")

    try:
        import pyarrow  # noqa: F401
    except ImportError:
        words = "file: Parquet needs the package pyarrow: pip install pyarrow"
    else:
        words = "file: a.parquet is no Parquet file"
    with pytest.raises(Misfit, match=words):
        Arrays("a.parquet")


def test_parquet_columns_are_read_by_name(folder):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"a": [1.0, 2, 3, 4], "word": list("abcd"), "hole": [1, None, 3, 4], "y": [0, 1, 2, 0]}
    parquet.write_table(pyarrow.table(columns), folder / "a.parquet")

    recipe = Arrays("a.parquet", inputs="a", test=0.25)

    assert (recipe.examples, recipe.features, recipe.outputs, len(recipe.load().x_test)) == (3, 1, 3, 1)
    with pytest.raises(Misfit, match=r"file: column word of a.parquet holds string, allowed: numbers"):
        Arrays("a.parquet")
    with pytest.raises(Misfit, match=r"file: column hole of a.parquet, row 1: found nan"):
        Arrays("a.parquet", inputs="hole").load()


def _write(folder):
    for name, content in FILES.items():
        if isinstance(content, dict):
            np.savez(folder / name, **content)
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
