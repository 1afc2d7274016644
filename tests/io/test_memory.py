"""How much memory there is."""

import math

import pytest

from sdesim.io import memory


@pytest.fixture
def told(tmp_path, monkeypatch):
    def write(meminfo, limit):
        for name, text in (("_MEMINFO", meminfo), ("_LIMIT", limit)):
            path = tmp_path / name
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
            monkeypatch.setattr(memory, name, path)
        return memory.available_memory()

    return write


def test_what_the_system_says_is_available_counts_and_the_limit_of_the_group_where_it_is_less(told):
    system = "MemTotal: 99 kB\nMemAvailable:      3 kB\n"

    assert told(system, None) == told(system, "max\n") == told(system, "5000\n") == 3 * 1024
    assert told(system, "2000\n") == 2000


def test_elsewhere_it_is_all_there_is_and_without_limit_where_nothing_is_known(told, monkeypatch):
    assert 2**26 < told(None, None) < math.inf

    monkeypatch.delattr(memory.os, "sysconf")
    assert told("MemTotal: 99 kB\n", "") == math.inf
