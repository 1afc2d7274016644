"""One process writes to a folder; a lock whose owner has died is taken over."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from sdesim.errors import RunError
from sdesim.io import lock
from sdesim.io.alive import is_zombie, runs
from sdesim.io.files import atomic_write_text
from sdesim.io.lock import LOCK, beside, locked

OTHER = """
    import sys, time
    from pathlib import Path
    from sdesim.io.lock import locked

    with locked(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(60)
"""


def test_a_second_process_is_refused_while_the_first_lives_and_takes_over_once_it_was_killed(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OTHER), str(tmp_path)], stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == b"held\n"

    words = rf"is being written by process {other.pid} on \S+: wait"
    with pytest.raises(RunError, match=words) as error, locked(tmp_path):
        pytest.fail("two at once")
    other.kill()
    other.wait()

    assert "\n" not in str(error.value)
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path) as held:
        held.check()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_lock_of_a_process_that_has_ended_and_nobody_waited_for_is_taken_over(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OTHER), str(tmp_path)], stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == b"held\n"
    assert runs(other.pid)
    other.kill()
    # Ends, and is not waited for: as under the first process of a container that is no init.
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)

    assert is_zombie(other.pid)
    assert not runs(other.pid)
    with locked(tmp_path) as held:
        held.check()
    assert not list(tmp_path.iterdir())
    other.wait()


@pytest.mark.parametrize("left", [b"", bytes(90)], ids=["empty", "zeros"])
def test_a_lock_without_an_owner_is_waited_for_and_then_taken_over(tmp_path, left, monkeypatch):
    monkeypatch.setattr(lock, "_WRITTEN", 0.3)
    (tmp_path / LOCK).write_bytes(left)

    began = time.monotonic()
    with locked(tmp_path) as held:
        held.check()

    assert time.monotonic() - began >= 0.3
    assert not list(tmp_path.iterdir())


def test_the_same_process_is_refused_too_and_the_lock_ends_with_an_error(tmp_path):
    def work():
        with locked(tmp_path):
            with pytest.raises(RunError, match="is being written"), locked(tmp_path):
                pytest.fail("two at once")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    with locked(tmp_path):
        pass


def test_a_folder_that_is_moved_or_removed_is_told_and_so_is_a_lock_that_another_process_took(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    with locked(first) as held:
        held.check()
        first.rename(second)
        with pytest.raises(RunError, match=rf"{first} was moved or removed while"):
            held.told(lambda *progress: pytest.fail("told"))(1, 2)
        second.rename(first)
        held.check()
        (first / LOCK).rename(first / "away")
        (first / LOCK).write_text("")
        with pytest.raises(RunError, match="was taken over by another process"):
            held.check()
        (first / "away").rename(first / LOCK)
        (first / "parts").mkdir()
        held.watch(first / "parts")
        held.check()
        (first / "parts").rmdir()
        with pytest.raises(RunError, match="parts was moved or removed while"):
            held.check()


def test_a_store_has_its_lock_beside_it_and_links_to_nowhere_are_named(tmp_path):
    with beside(tmp_path / "new" / "run.zarr"):
        assert [file.name for file in (tmp_path / "new").iterdir()] == [f"run.zarr{LOCK}"]
    (tmp_path / "link").symlink_to(tmp_path / "gone")

    words = rf"link is a link to {tmp_path}/gone, which is not there"
    for hold in (beside, locked):
        with pytest.raises(RunError, match=words), hold(tmp_path / "link"):
            pytest.fail("written")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't write"), locked(tmp_path / "file"):
        pytest.fail("written")


def test_a_folder_that_is_held_is_not_made_anew_where_it_was_moved(tmp_path):
    out = tmp_path / "deep" / "out"
    with locked(out):
        atomic_write_text(out / "figures" / "a.svg", "a")
        out.rename(tmp_path / "moved")
        for name in ("b", "figures/b", "points/x/figures/b"):
            with pytest.raises(RunError, match=f"can't write {out / name}: No such file"):
                atomic_write_text(out / name, "b")
        with pytest.raises(RunError, match="No such file"), beside(out / "arm.zarr"):
            pytest.fail("made anew")
        assert not out.exists()
    atomic_write_text(out / "b", "b")
    assert (tmp_path / "moved" / "figures" / "a.svg").read_text() == "a"
