"""Workflows and forms are YAML, and what they call exists."""

import re
from pathlib import Path

import pytest

from sdesim.scenario.yaml import read_yaml

ROOT = Path(__file__).parent.parent
FILES = sorted(ROOT.glob(".github/**/*.yml"))


@pytest.mark.parametrize("path", [*FILES, ROOT / "CITATION.cff"], ids=lambda path: path.name)
def test_it_is_yaml(path):
    assert read_yaml(path.read_text(encoding="utf-8"), path.name).data


def test_the_targets_that_workflows_make_are_in_the_makefile():
    targets = {t for path in FILES for t in re.findall(r"run: make (\w+)", path.read_text(encoding="utf-8"))}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert targets == {"test", "docs"}
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)


def test_the_citation_has_the_package_s_version():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)

    assert version is not None
    assert f"\nversion: {version[1]}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
