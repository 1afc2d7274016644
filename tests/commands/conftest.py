"""The small scenario file in a folder of its own."""

from __future__ import annotations

import pytest

from tests.commands.calling import TOY


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(TOY)
    return tmp_path
