"""Text as characters, each to be told from those before it."""

import hashlib
import pickle

import numpy as np
import pytest

from sdesim.data import Text
from sdesim.kinds import Misfit, dump, read, trusting


@pytest.fixture
def folder(tmp_path):
    """A scenario's folder with files, in which relative paths are sought."""
    (tmp_path / "abc.txt").write_bytes("abcabcaé\r\nab".encode())
    with trusting(folder=tmp_path):
        yield tmp_path


def words(recipe, tokens):
    """Tokens as characters again."""
    return ["".join(recipe.alphabet[int(t)] for t in row) for row in tokens]


def test_every_character_has_the_next_one_as_its_label(folder):
    recipe = Text("abc.txt", context=3, stride=2, test=0.35)

    assert (recipe.examples, recipe.features, recipe.positions, recipe.outputs) == (3, 3, 3, 6)
    assert (recipe.vocabulary, recipe.alphabet, recipe.tested, recipe.labelled) == (6, "\n\rabcé", True, True)
    data = recipe.load()
    # The last 4 of 12 characters are for the test: "\r\nab".
    assert words(recipe, data.x_train) == ["abc", "cab", "bca"]
    assert words(recipe, data.y_train) == ["bca", "abc", "caé"]
    assert words(recipe, data.x_test) == ["\r\na"]
    assert words(recipe, data.y_test) == ["\nab"]
    assert (data.x_train.dtype, data.y_train.dtype) == (np.float64, np.int64)
    assert (data.outputs, data.vocabulary, data.positions) == (6, 6, 3)


def test_the_symbols_of_ascii_are_the_same_of_every_text(folder):
    recipe = Text("abc.txt", context=3, stride=2, test=0.35, symbols="ascii")

    assert recipe.vocabulary == recipe.outputs == 97
    assert recipe.alphabet[0] == "\n"
    assert recipe.alphabet[1:96] == "".join(map(chr, range(32, 127)))
    # é and the carriage return are one symbol, that of all others.
    assert words(recipe, recipe.load().y_train) == ["bca", "abc", "ca\ufffd"]
    assert words(recipe, recipe.load().x_test) == ["\ufffd\na"]


def test_without_a_stride_every_character_is_a_label_once(folder):
    data = Text("abc.txt", context=3, test=0).load()

    assert data.y_train.shape == (3, 3)
    text = (folder / "abc.txt").read_bytes().decode()
    assert words(Text("abc.txt", context=3, test=0), data.y_train.reshape(1, -1)) == [text[1:10]]
    assert len(data.x_test) == 0


def test_a_file_of_pythons_own_is_read_and_told_by_its_digest():
    recipe = Text(library="pydoc_data/topics.py", characters=3000, context=16)

    assert recipe.examples == (2700 - 1) // 16
    assert recipe.digest() == hashlib.sha256(recipe.text.encode()).hexdigest()
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert read("data", dump(recipe)) == recipe
    assert Text(library="this.py", context=8).digest() != recipe.digest()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, r"file: give exactly one of file and library$"),
        ({"file": "abc.txt", "library": "this.py"}, r"file: give exactly one of file and library$"),
        ({"file": "no.txt"}, r"file: found 'no.txt', allowed: a text file; there is none at /"),
        ({"file": "empty.txt"}, r"file: empty.txt is empty$"),
        ({"file": "latin.txt"}, r"file: latin.txt is not in UTF-8: invalid continuation byte at byte 1$"),
        ({"file": "abc.txt", "context": 12, "test": 0}, r"context: abc.txt leaves 12 characters to train"),
        ({"file": "abc.txt", "context": 5, "test": 0.3}, r"test: abc.txt leaves 8 characters to train"),
        ({"file": "abc.txt", "context": 2, "characters": 13}, r"characters: found 13, allowed: at most 12, "),
        ({"library": "../os.py"}, r"library: found '../os.py', allowed: a path inside Python's standard"),
        ({"library": "no.py"}, r"library: found 'no.py', allowed: a file of Python's standard library; "),
    ],
)  # fmt: skip
def test_what_gives_no_examples_is_refused_in_a_line(folder, fields, words):
    (folder / "empty.txt").write_bytes(b"")
    (folder / "latin.txt").write_bytes("aé?".encode("latin-1"))

    with pytest.raises(Misfit, match=f"^{words}"):
        Text(**fields)
