"""Generated files are what the code would write now."""

from __future__ import annotations

import pytest

from analysis.generated.files import ROOT, generated_files

FILES = generated_files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_generated_file_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == FILES[path], "run python -m analysis.generated"
