"""Links between the repository's pages."""

from pathlib import Path

import pytest

from analysis.site.links import reached, relinked, targets

ROOT = Path(__file__).parents[2]


def test_only_links_into_the_repository_are_written_anew():
    text = "[a](x.md#part) [b](https://x.md) [c](#part) `[d](x.md)`\n```\n[e](x.md)\n```\n![f](p.png)"

    new = "[a](../x.md#part) [b](https://x.md) [c](#part) `[d](x.md)`\n```\n[e](x.md)\n```\n![f](../p.png)"
    assert relinked(text, lambda path: f"../{path}") == new


def test_what_links_lead_to_is_found_over_pages_and_a_missing_file_is_told(tmp_path):
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "index.md"
    page.write_text("[one](../a/one.md) [made](later.html)", encoding="utf-8")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.md").write_text("![two](two.png)", encoding="utf-8")
    (tmp_path / "a" / "two.png").touch()

    assert reached([page], tmp_path, tmp_path / "docs") == [
        tmp_path / "a" / "one.md",
        tmp_path / "a" / "two.png",
    ]

    (tmp_path / "a" / "two.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a/one.md: links to .*two.png, no file"):
        reached([page], tmp_path, tmp_path / "docs")


def test_every_link_of_the_pages_leads_to_a_file():
    docs = ROOT / "docs"
    elsewhere = ("*.md", "analysis/**/*.md", "scenarios/**/*.md")
    pages = [*docs.rglob("*.md"), *(page for pattern in elsewhere for page in ROOT.glob(pattern))]

    found = reached(pages, ROOT, docs)

    assert ROOT / "analysis" / "calibration" / "README.md" in found
    # Within docs the generator checks, which makes two files and the pages of the API itself.
    made = {"docs/examples/quickstart.html", "docs/theory/ledger.html"}
    inside = {path for page in pages for path in targets(page) if docs in path.parents and not path.exists()}
    names = {path.relative_to(ROOT).as_posix() for path in inside}
    assert {name for name in names if not name.startswith("docs/reference/api/")} <= made
