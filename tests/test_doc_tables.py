"""Tables in the docs are up to date, and the page on quantities runs as it stands."""

import pytest

from analysis.doc_tables import DOCS, TABLES, renewed
from sdesim.runs.quantities import unregister
from tests.test_readme import blocks


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_the_tables_of_a_page_are_up_to_date(page):
    text = page.read_text(encoding="utf-8")

    assert renewed(text) == text, "run python -m analysis.doc_tables"


def test_every_table_stands_in_a_page():
    texts = [page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")]

    assert all(sum(text.count(f"<!-- table: {name} -->") for text in texts) == 1 for name in TABLES)


def test_the_example_of_a_quantity_of_ones_own_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        for code in blocks("python", (DOCS / "quantities.md").read_text(encoding="utf-8")):
            exec(compile(code, "quantities.md", "exec"), {})
    finally:
        unregister("gradient_scale")

    assert capsys.readouterr().out.split() == ["True"]
    assert (tmp_path / "gradient-scale.png").exists()
