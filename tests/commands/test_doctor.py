"""The verb doctor: every look gives a finding, and what is slow has a reason."""

from __future__ import annotations

import json

from sdesim.commands import doctor
from tests.commands.calling import call


def test_every_finding_is_there_and_slow_ones_say_why(capsys):
    assert call("doctor", "--json") == 0

    found = {f["name"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert {"cores", "memory", "vector math", "kernel cache", "speed", "torch"} <= set(found)
    for f in found.values():
        assert f["found"]
        assert (f["state"] == doctor.SLOW) == bool(f["why"]), f
    assert found["torch"]["found"].startswith("2.")


def test_a_cache_that_can_not_be_written_is_slow(monkeypatch, tmp_path):
    # What the cache falls back to where the user's folder can't be made.
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    state, text, why = doctor._kernels()
    assert state == doctor.SLOW
    assert "sdesim-kernels-" in text
    assert "compiles anew" in why


def test_memory_and_disk_that_are_short_are_slow(monkeypatch):
    monkeypatch.setattr("sdesim.io.memory.available_memory", lambda: 1e9)

    assert doctor._memory()[0] == doctor.SLOW


def test_a_quota_of_cores_is_what_may_be_used():
    assert 0 < doctor.usable_cores() <= (__import__("os").cpu_count() or 1)
