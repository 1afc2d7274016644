"""Calls in processes: their answers, what one that dies takes with it, and that none is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from sdesim.errors import RunError
from sdesim.io.alive import runs
from sdesim.io.processes import DiedError, _serve, processes

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

# What a user's program might do: two processes at calls that would take minutes.
PROGRAM = """\
import time
from sdesim.io.processes import processes

if __name__ == "__main__":
    with processes(2) as shared_out:
        for ended in shared_out(eval, [("__import__('os').getpid()",)] * 2):
            print(ended.result(), flush=True)
        list(shared_out(time.sleep, [(300,), (300,)]))
"""


def test_calls_end_each_for_itself_whatever_becomes_of_one():
    kill = "__import__('os').kill(__import__('os').getpid(), 9)"
    with processes(2) as shared_out:
        ended = {e.place: e for e in shared_out(eval, [("1 + 1",), ("1 / 0",), (kill,), ("[3]",)])}

    assert ended[0].result() == 2
    assert ended[3].result() == [3]
    with pytest.raises(RunError, match=r"^ZeroDivisionError: division by zero \(<string>, line 1\)$"):
        ended[1].result()
    with pytest.raises(DiedError, match=r"was killed \(SIGKILL, out of memory\?\)$"):
        ended[2].result()


def test_a_call_whose_process_died_is_made_again_as_often_as_is_said(tmp_path):
    there = f"open({str(tmp_path / 'x')!r}, 'a').write('.') and __import__('os')._exit(7)"

    with processes(1, tries=2) as shared_out:
        (ended,) = shared_out(eval, [(there,)])

    assert (tmp_path / "x").read_text() == ".."
    with pytest.raises(DiedError, match="ended with exit code 7"):
        ended.result()


def test_a_process_whose_answer_nobody_waits_for_ends_without_a_word(tmp_path, capfd):
    context = multiprocessing.get_context("spawn")
    pipe, end = context.Pipe()
    process = context.Process(target=_serve, args=(end,))
    process.start()
    end.close()
    waits = f"next(0 for _ in iter(int, 1) if __import__('pathlib').Path({str(tmp_path / 'go')!r}).exists())"
    pipe.send((eval, (waits,)))
    pipe.close()
    (tmp_path / "go").touch()
    process.join(60)

    assert process.exitcode == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_its_parent(tmp_path, how):
    (tmp_path / "program.py").write_text(PROGRAM)
    parent = subprocess.Popen([sys.executable, tmp_path / "program.py"], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(parent.stdout.readline()) for _ in range(2)]
    parent.send_signal(how)
    parent.wait(30)

    until = time.monotonic() + 10
    while any(map(runs, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(runs, pids))
