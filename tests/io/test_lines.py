"""Files of JSON lines."""

import os
import resource
import signal

import pytest

from sdesim.errors import RunError
from sdesim.io.lines import LineFile, read_lines, read_lines_from


def test_lines_are_there_at_once_and_what_is_half_written_is_left_out(tmp_path):
    path = tmp_path / "new" / "a.jsonl"
    file = LineFile(path)
    file.append({"a": 1})
    assert list(read_lines(path)) == [{"a": 1}]

    with path.open("a") as other:
        other.write('{"a": 2')
    assert list(read_lines(path)) == [{"a": 1}]
    file.append({"a": 3})
    file.close()
    file.append({"a": float("nan")})
    file.close()

    assert list(read_lines(path)) == [{"a": 1}, {"a": 3}, {"a": None}]


def test_what_is_new_is_read_from_the_last_place_on(tmp_path):
    file = LineFile(tmp_path / "a.jsonl")
    file.append(1)
    ((value, place),) = read_lines_from(file.path, 0)
    file.append(2)
    with file.path.open("a") as other:
        other.write("3")

    assert value == 1
    ((value, place),) = read_lines_from(file.path, place)
    assert value == 2
    # Half a line is read once it is whole.
    assert list(read_lines_from(file.path, place)) == []
    with file.path.open("a") as other:
        other.write("4\n")
    assert [v for v, _ in read_lines_from(file.path, place)] == [34]


def test_a_disk_that_refuses_is_named_and_written_to_again_once_it_takes(tmp_path):
    file = LineFile(tmp_path / "a.jsonl")
    file.append({"a": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
        with pytest.raises(RunError, match="can't write"):
            file.append({"a": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, kept)
    assert os.path.getsize(file.path) == 20
    file.append({"a": 2})

    assert list(read_lines(file.path)) == [{"a": 1}, {"a": 2}]


def test_a_place_out_of_reach_is_refused(tmp_path):
    (tmp_path / "a").touch()

    with pytest.raises(RunError, match="can't write"):
        LineFile(tmp_path / "a" / "b.jsonl")
