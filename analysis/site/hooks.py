"""What MkDocs calls while it builds the site: pages from outside ``docs``, and their links."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from analysis.site.api import api_pages
from analysis.site.links import reached, relinked

ROOT = Path(__file__).resolve().parents[2]
# Pages that runs make: place in the site → file, and how it comes about.
MADE = {
    "examples/quickstart.html": (ROOT / "runs" / "quickstart" / "report.html", "make run"),
    "theory/ledger.html": (ROOT / "build" / "ledger.html", "python -m analysis.site"),
}
# Pages from outside ``docs`` that the table of contents names.
NAMED = (
    *("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "scenarios/published/README.md"),
    *(
        f"analysis/{name}/README.md"
        for name in ("benchmarks", "calibration", "convergence", "ground_truth", "open")
    ),
)


def on_files(files: Files, *, config: Any) -> Files:
    """Add what links lead to outside ``docs``, the pages of the API, and what runs made."""
    docs = Path(config["docs_dir"])
    pages = [Path(str(f.abs_src_path)) for f in files.documentation_pages()] + [ROOT / name for name in NAMED]
    try:
        found = reached(pages, ROOT, docs)
    except FileNotFoundError as error:
        raise PluginError(str(error)) from None
    for path in [*found, *(ROOT / name for name in NAMED)]:
        source = path.relative_to(ROOT).as_posix()
        if docs not in path.parents and not files.get_file_from_path(source):
            files.append(File.generated(config, source, abs_src_path=str(path)))
    for name, text in api_pages().items():
        files.append(File.generated(config, f"reference/api/{name}.md", content=text))
    for place, (path, way) in MADE.items():
        if not path.is_file():
            raise PluginError(f"{path.relative_to(ROOT)} is missing: {way}")
        files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Links as they stand between the site's pages, from links between the repository's files."""
    here = page.file.abs_src_path
    if here is None:
        return markdown
    docs, source = Path(config["docs_dir"]), Path(page.file.src_uri).parent

    def new(path: str) -> str:
        target = Path(os.path.normpath(Path(here).parent / path))
        if ROOT not in target.parents:
            return path
        base = docs if docs in target.parents else ROOT
        return Path(os.path.relpath(target.relative_to(base), source)).as_posix()

    return relinked(markdown, new)
