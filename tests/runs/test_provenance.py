"""Where a run came from."""

import json
import os
import platform
import re
import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
import pytest

import sdesim
from sdesim.errors import RunError
from sdesim.runs.provenance import git_commit, kept_scenario, mark_of, provenance, versions
from sdesim.runs.quantities import unregister


def test_the_provenance_names_no_quantities_but_foreign_ones(own):
    assert provenance()["quantities"] == {"gradient_scale": own.__module__}
    unregister("gradient_scale")
    assert "quantities" not in provenance()


def test_versions_are_those_that_are_installed():
    found = versions()

    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert found["sdesim"] == sdesim.__version__


def test_a_commit_is_named_where_there_is_one(monkeypatch):
    assert re.fullmatch(r"([0-9a-f]{40}(\+changes)?)?", git_commit())

    def fails(*args, **settings):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", fails)
    assert git_commit.__wrapped__() == ""


def test_the_whole_is_plain_and_says_when_where_and_by_what():
    found = provenance()

    assert json.loads(json.dumps(found)) == found
    assert {"created", "command", "versions", "git_commit", "host"} <= set(found)
    assert datetime.fromisoformat(found["created"]).utcoffset() == timedelta(0)
    assert found["command"][1:] == sys.argv[1:]
    assert found["host"]["cores"] == os.cpu_count()


def test_a_scenario_that_was_edited_since_is_told(tmp_path):
    (tmp_path / "scenario.yaml").write_text("name: a\n")
    assert kept_scenario(tmp_path) == "name: a\n"

    (tmp_path / "provenance.json").write_text(json.dumps(mark_of("name: a\n")))
    assert kept_scenario(tmp_path) == "name: a\n"

    for change in (lambda file: file.write_text("name: b\n"), lambda file: file.unlink()):
        change(tmp_path / "scenario.yaml")
        with pytest.raises(RunError, match="was made of another"):
            kept_scenario(tmp_path)
