"""One writer at a time at a URL; the lock of an owner that has died is taken over, a lost one is told."""

import json
import subprocess
import sys

import pytest

from sdesim.errors import RunError
from sdesim.io import lease
from sdesim.io.lock import beside
from sdesim.io.places import place


@pytest.fixture
def out(monkeypatch):
    monkeypatch.setattr(lease, "_SETTLED", 0.0)
    found = place("memory://leases/run.zarr")
    yield found
    found.parent.remove_tree()


def lock(out):
    return out.with_name("run.zarr.lock")


def test_a_second_writer_is_refused_and_the_lock_ends_with_an_error(out):
    def work():
        with beside(out):
            with pytest.raises(RunError, match=r"run\.zarr is being written by process \d+ on"), beside(out):
                pytest.fail("two at once")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert not lock(out).exists()


def test_the_lock_of_a_process_that_died_is_taken_over_and_garbage_too(out, monkeypatch):
    monkeypatch.setattr(lease, "LEASE", 0.0)
    monkeypatch.setattr(lease, "_LOOK", 0.0)
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True)
    here = {"host": lease.socket.gethostname(), "token": "x"}
    for content in (
        json.dumps({**here, "pid": int(ended.stdout)}).encode(),
        json.dumps({"host": "another", "pid": 1, "token": "x", "beat": 0.0}).encode(),
        b"garbage",
    ):
        lock(out).write_bytes(content)
        with beside(out) as held:
            held.check()
        assert not lock(out).exists()


def test_an_owner_on_another_machine_that_beats_is_left_alone(out):
    owner = {"host": "another", "pid": 1, "token": "x", "beat": lease.time.time()}
    lock(out).write_bytes(json.dumps(owner).encode())

    with pytest.raises(RunError, match="being written by process 1 on another"), beside(out):
        pytest.fail("two at once")
    assert lock(out).exists()


@pytest.mark.parametrize(
    ("content", "words"), [(None, "was removed while it was being"), (b"{}", "taken over by another process")]
)
def test_a_lock_that_another_process_took_is_told_at_the_next_beat_and_left_there(
    out, monkeypatch, content, words
):
    monkeypatch.setattr(lease, "BEAT", 0.01)
    told = []
    with beside(out) as held:
        held.told(told.append)(1)
        if content is None:
            lock(out).unlink()
        else:
            lock(out).write_bytes(content)
        held._beating.join(10)
        with pytest.raises(RunError, match=words):
            held.told(told.append)(2)
    assert told == [1]
    assert lock(out).exists() == (content is not None)
