"""Generated files are what the code would write now."""

from __future__ import annotations

import pytest

from analysis.generated.files import generated_files
from analysis.generated.tables import PAGES, TABLES, renewed

FILES = generated_files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == FILES[path], "run python -m analysis.generated"


def test_every_table_stands_in_one_page():
    texts = [page.read_text(encoding="utf-8") for page in PAGES]

    assert all(sum(text.count(f"<!-- table: {name} -->") for text in texts) == 1 for name in TABLES)


def test_a_table_nobody_makes_is_told():
    with pytest.raises(KeyError, match="wishes"):
        renewed("<!-- table: wishes -->\n<!-- end of table -->\n")
