"""Files that appear whole, and strict JSON."""

import json
import os
import tempfile

import numpy as np
import pytest

from sdesim.errors import RunError
from sdesim.io.files import (
    atomic_write_bytes,
    atomic_write_json,
    atomic_write_text,
    read_json,
    remove_drafts,
    to_json,
    write_record,
)


def test_files_appear_whole_and_json_is_strict(tmp_path):
    atomic_write_text(tmp_path / "deep" / "a.txt", "x")

    assert (tmp_path / "deep" / "a.txt").read_text() == "x"
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert "NaN" not in to_json({"a": float("nan"), "b": float("inf"), "c": np.arange(2)})
    assert to_json({"a": [1 / 3, 1 << 40, np.True_]}, 6, None) == '{"a": [0.333333, 1099511627776, true]}\n'
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't write"):
        atomic_write_text(tmp_path / "file" / "a.txt", "x")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    atomic_write_bytes(path, b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"can't write .*a\.bin: No space left on device"):
        atomic_write_bytes(path, b"new")

    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_an_interrupted_write_leaves_no_draft(tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic_write_bytes(tmp_path / "a.bin", b"new")

    assert list(tmp_path.iterdir()) == []


def test_drafts_that_kills_left_are_removed_and_nothing_else(tmp_path):
    handle, _ = tempfile.mkstemp(dir=tmp_path, prefix=".loss.svg.")
    os.close(handle)
    kept = {"loss.svg", ".lock", ".lock.abcdefgh", ".hidden"}
    for name in kept:
        (tmp_path / name).write_text("", encoding="utf-8")

    remove_drafts(tmp_path, tmp_path / "none")

    assert {p.name for p in tmp_path.iterdir()} == kept


def test_a_record_that_was_edited_or_damaged_is_told(tmp_path):
    path, value = tmp_path / "a.json", {"mean": np.float64(0.1), "none": np.nan, "names": ("µ", "\ud800")}

    write_record(path, value)
    text = path.read_text(encoding="utf-8")

    assert read_json(path) == {"mean": 0.1, "none": None, "names": ["µ", "\ud800"]}
    # Spaces hold no number.
    path.write_text(text.replace("\n", "\n "), encoding="utf-8")
    assert read_json(path)["mean"] == 0.1
    for edited in (text.replace("0.1", "0.2"), text.replace('"mean"', '"median"')):
        path.write_text(edited, encoding="utf-8")
        with pytest.raises(RunError, match=r"a\.json is not as it was written"):
            read_json(path)
    # What others wrote has no digest.
    path.write_text('{"mean": 1}', encoding="utf-8")
    assert read_json(path) == {"mean": 1}


def test_a_folder_that_was_moved_away_is_not_made_anew(tmp_path):
    with pytest.raises(RunError, match=r"can't write .*gone/a: No such file"):
        atomic_write_bytes(tmp_path / "gone" / "a", b"", make_folder=False)

    assert not list(tmp_path.iterdir())


def test_numbers_without_a_place_in_json_are_words(tmp_path):
    values = {1: (np.nan, np.inf), "µ": -np.inf, "deep": [{"a": np.float32(0.5)}]}

    atomic_write_json(tmp_path / "a.json", values, indent=None)

    written = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert written == '{"1": [null, "Infinity"], "µ": "-Infinity", "deep": [{"a": 0.5}]}\n'


def test_json_shows_no_control_and_no_half_of_a_character_and_reads_back_the_same():
    text = "\x1b\x7f\x9b31m\u202e\u2028\ud800 α €"

    found = to_json({text: text})

    assert all(line.isprintable() for line in found.split("\n"))
    assert json.loads(found) == {text: text}
    assert "α €" in found
