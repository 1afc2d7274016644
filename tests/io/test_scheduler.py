"""Addresses that lead to no Dask scheduler, and one that is lost on the way."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from sdesim.errors import RunError
from sdesim.io.scheduler import connected, on_cluster, one_task

distributed = pytest.importorskip("distributed")


@pytest.fixture
def closed():
    """A port of this machine that nobody listens to while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("nonsense", "names no port"),
        ("tcp://", "found 'tcp://'"),
        ("foo://here:1", "found 'foo://here:1'"),
        ("tcp://here:port", "found 'tcp://here:port'"),
        ("tcp://127.0.0.1:{}", "Connection refused"),
        ("nothing.invalid:8786", "no Dask scheduler at"),
    ],
)
def test_an_address_without_a_scheduler_is_refused_at_once_in_a_line(closed, address, told):
    began = time.monotonic()

    with pytest.raises(RunError, match=told) as refused, connected(address.format(closed)):
        pass

    assert time.monotonic() - began < 2
    assert "\n" not in str(refused.value)
    assert "allowed: that of a running scheduler, as tcp://HOST:8786" in str(refused.value)


def test_a_lost_scheduler_is_one_line(closed, capfd):
    code = (
        "import asyncio, sys\nfrom distributed import Scheduler, Worker\n"
        "async def main():\n"
        "    async with Scheduler(host='127.0.0.1', port=0, dashboard_address=None) as s:\n"
        "        async with Worker(s.address, dashboard_address=None):\n"
        "            print(s.address, flush=True)\n            await s.finished()\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    lost = pytest.raises(RunError, match=r"^the Dask scheduler at tcp://127\.0\.0\.1:\d+ was lost$")
    calls = [one_task(eval, text) for text in ("1 + 1", "1 / 0", "__import__('time').sleep(9)")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as cluster:
        assert cluster.stdout is not None
        try:
            with connected(cluster.stdout.readline().strip()) as client:
                made = on_cluster(client, calls)
                ended = {e.place: e for e in (next(made), next(made))}
                cluster.kill()
                with lost:
                    next(made)
        finally:
            cluster.kill()

    assert ended[0].result() == 2
    assert isinstance(ended[1].error, ZeroDivisionError)
    assert capfd.readouterr().err == ""
