"""The page on quantities runs as it stands."""

from analysis.generated.tables import DOCS
from sdesim.runs.quantities import unregister
from tests.test_readme import blocks


def test_the_example_of_a_quantity_of_ones_own_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        for code in blocks("python", (DOCS / "reference" / "quantities.md").read_text(encoding="utf-8")):
            exec(compile(code, "quantities.md", "exec"), {})
    finally:
        unregister("gradient_scale")

    assert capsys.readouterr().out.split() == ["True"]
    assert (tmp_path / "gradient-scale.png").exists()
