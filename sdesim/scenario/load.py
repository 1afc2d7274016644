"""From a file name to a checked scenario."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sdesim.errors import ScenarioError, SdesimError
from sdesim.scenario.base import nearest
from sdesim.scenario.messages import error_lines
from sdesim.scenario.models import Scenario, cross_check
from sdesim.scenario.reading import Document, parse_path, path_text, read_yaml, set_value

_PACKAGE = Path(__file__).resolve().parent.parent


def scenario_folder() -> Path:
    """Where the shipped scenarios are: inside the wheel, or in the checkout."""
    inside = _PACKAGE / "_shipped" / "scenarios"
    return inside if inside.is_dir() else _PACKAGE.parent / "scenarios"


def shipped_scenarios() -> dict[str, Path]:
    """Name → file of every shipped scenario."""
    return {p.parent.name: p for p in sorted(scenario_folder().glob("*/*.yaml")) if p.stem == p.parent.name}


def find_scenario(path_or_name: str | Path) -> Path:
    """The file of a path or of a shipped name.

    Raises:
        ScenarioError: neither.
    """
    path = Path(path_or_name)
    if path.is_file():
        return path
    shipped = shipped_scenarios()
    if str(path_or_name) in shipped:
        return shipped[str(path_or_name)]
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise ScenarioError(f"{path}: no such file")
    raise ScenarioError(
        f"{path_or_name}: not a file and not a shipped scenario{nearest(str(path_or_name), list(shipped))}"
    )


def load_scenario(
    path_or_name: str | Path, overrides: Mapping[str, Any] | None = None, quick: bool = False
) -> Scenario:
    """Read, override and check a scenario.

    Args:
        path_or_name: a YAML file, or the name of a shipped scenario.
        overrides: path → value, as with --set; a text is read as YAML.
        quick: apply the file's own `quick` overrides first.

    Raises:
        ScenarioError: one line for each thing that is wrong: file, line, field, found, allowed.
    """
    path = find_scenario(path_or_name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: can't be read: {error}") from None
    return parse_scenario(text, path.name, overrides, quick)


def parse_scenario(
    text: str, source: str = "scenario", overrides: Mapping[str, Any] | None = None, quick: bool = False
) -> Scenario:
    """As `load_scenario`, from YAML text; `source` names it in messages."""
    document = read_yaml(text, source)
    if not isinstance(document.data, dict):
        raise ScenarioError(
            f"{document.origin(())}: found {document.data!r}, allowed: the fields of a scenario"
        )
    if quick:
        _apply_quick(document)
    for key, value in (overrides or {}).items():
        origin = f"--set {key}"
        plain = read_yaml(value, origin).data if isinstance(value, str) else value
        set_value(document, parse_path(key), plain, origin)
    try:
        scenario = Scenario.model_validate(document.data)
    except ValidationError as error:
        raise ScenarioError("\n".join(error_lines(error, document))) from None
    problems = [f"{document.origin(p)}: {path_text(p)}: {m}" for p, m in cross_check(scenario)]
    problems = problems or _unbuildable(scenario, document)
    if problems:
        raise ScenarioError("\n".join(problems))
    return scenario


def _apply_quick(document: Document) -> None:
    overrides = document.data.get("quick") or {}
    if not isinstance(overrides, dict):
        return
    for key, value in overrides.items():
        set_value(document, parse_path(str(key)), value, document.origin(("quick", key)))


def _unbuildable(scenario: Scenario, document: Document) -> list[str]:
    """What only making the objects can tell: shapes against dimensions, values that exclude each other."""
    from sdesim.scenario.build import check_arm

    lines = []
    for name, arm in scenario.arms.items():
        try:
            check_arm(scenario, name, arm)
        except SdesimError as error:
            field = getattr(error, "field", ())
            path = ("arms", name, "simulate" if arm.simulate is not None else "train", *field)
            lines.append(f"{document.origin(path)}: {path_text(path)}: {error}")
    return lines
