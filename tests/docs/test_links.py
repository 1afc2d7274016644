"""Links between the repository's pages."""

import pytest

from analysis.site.links import reached, relinked


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
