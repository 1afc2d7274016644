"""Nothing outside a kind's own file asks which kind an object is: objects say what they can do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sdesim
from sdesim.kinds.registry import own_kinds

ROOT = Path(sdesim.__file__).parent
KINDS = {(family, name): place for family, kinds in own_kinds()[0].items() for name, place in kinds.items()}
CLASSES = {place.class_name: place.module for place in KINDS.values()}
NAMES = {name for _, name in KINDS}


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def named(node: ast.AST) -> Iterator[str]:
    """Names of classes in the second argument of isinstance, or beside `type(x) is`; torch's are no kinds."""
    if isinstance(node, ast.Attribute):
        if ast.unparse(node).split(".")[0] not in ("torch", "nn"):
            yield node.attr
        return
    if isinstance(node, ast.Name):
        yield node.id
    for part in ast.iter_child_nodes(node):
        yield from named(part)


def of_a_kind(node: ast.AST) -> bool:
    """Whether this reads which kind an object is: x.kind, x.name, x["kind"], getattr(x, "kind")."""
    if isinstance(node, ast.Attribute):
        array = isinstance(node.value, ast.Attribute) and node.value.attr == "dtype"
        return node.attr in ("kind", "name") and not array
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "kind"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        return len(node.args) > 1 and isinstance(node.args[1], ast.Constant) and node.args[1].value == "kind"
    return False


def texts(node: ast.AST) -> set[str]:
    return {p.value for p in ast.walk(node) if isinstance(p, ast.Constant) and isinstance(p.value, str)}


def asked(source: str, module: str) -> list[str]:
    """Lines that ask for a kind."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (
            "isinstance", "issubclass",
        ):  # fmt: skip
            wrong = [n for n in named(node.args[1]) if CLASSES.get(n, module) != module]
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            kinds = any(of_a_kind(side) for side in sides)
            wrong = [t for side in sides for t in texts(side) & NAMES] if kinds else []
            calls = [side.func for side in sides if isinstance(side, ast.Call)]
            typed = any(isinstance(call, ast.Name) and call.id == "type" for call in calls)
            wrong += [n for s in sides for n in named(s) if CLASSES.get(n, module) != module] if typed else []
        elif isinstance(node, ast.MatchClass):
            wrong = [n for n in named(node.cls) if CLASSES.get(n, module) != module]
        else:
            continue
        if wrong:
            found.append(f"line {node.lineno}: {', '.join(sorted(set(wrong)))}")
    return found


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=module_of)
def test_no_file_asks_which_kind_an_object_is(file):
    assert asked(file.read_text(encoding="utf-8"), module_of(file)) == []


SAMPLES = {
    "isinstance(x, Stable)": True,
    "isinstance(x, noise.Stable | Gaussian)": True,
    "isinstance(x, int | float)": False,
    "x.kind == 'stable'": True,
    "x['kind'] in ('stable', 'gaussian')": True,
    "getattr(x, 'kind') != 'stable'": True,
    "type(x) is Stable": True,
    "type(x) is torch.optim.SGD": False,
    "x.dtype.kind == 'sgd'": False,
    "scheme.name == 'sgd'": True,
    "match x:\n    case Stable():\n        pass": True,
    "x.kind == y.kind": False,
}


@pytest.mark.parametrize(("source", "wrong"), SAMPLES.items())
def test_the_test_itself_sees_what_it_is_for(source, wrong):
    assert bool(asked(source, "sdesim.elsewhere")) == wrong
