"""What every kind of every family promises: words for its fields, plain data there and back, a light file."""

import importlib
import pickle
import subprocess
import sys
from dataclasses import MISSING

import pytest
from ruamel.yaml import YAML

from sdesim.kinds import documented, dump, families, kinds_of, read, trusting
from sdesim.kinds.check import in_code
from sdesim.kinds.fields import fields_by_name
from sdesim.kinds.registry import installed_kinds, own_kinds
from sdesim.kinds.schema import kind_schema

# Groups of fields of one form stand in no file by themselves, so that their words show no example.
SETTINGS = {
    "clip": {"norm": 1.0},
    "clients": {"count": 3, "local_steps": 2, "concentration": 0.5},
    "objective": {"target": "class", "weight": 1.0},
    "prune": {"rule": "random", "sparsity": 0.5},
}
# sdesim's own, and those of whatever package is installed beside it.
KINDS = [
    (family, name)
    for family in families()
    for name in dict.fromkeys([*own_kinds()[0][family], *installed_kinds(family)])
]


@pytest.fixture
def folder(tmp_path):
    """Where the files stand that examples name."""
    (tmp_path / "my.csv").write_text("age,height,healthy\n" + "".join(f"{k},{k},{k % 2}\n" for k in range(8)))
    for name in ("animals/cat", "animals/dog"):
        (tmp_path / name).mkdir(parents=True)
        for k in range(4):
            # The smallest image that there is: a grey pixel in a portable grey map.
            (tmp_path / name / f"{k}.pgm").write_bytes(b"P5 1 1 255\n" + bytes([k]))
    with trusting(folder=tmp_path):
        yield tmp_path


def example(family, name):
    """The kind with its defaults, or as its documentation shows it."""
    cls = kinds_of(family)[name]
    shown = documented(cls).example
    named = fields_by_name(cls).items()
    needed = [name for name, f in named if f.default is MISSING and f.default_factory is MISSING]
    if not needed and not shown:
        return cls()
    if family == "settings":
        return read(family, {"kind": name, **SETTINGS[name]})
    assert shown, f"{name} needs {needed}, and its documentation shows no Example"
    return read(family, YAML(typ="safe").load(shown))


@pytest.mark.parametrize(("family", "name"), KINDS)
def test_every_field_has_its_words(family, name):
    cls = kinds_of(family)[name]

    said = documented(cls)

    assert said.first.endswith(".")
    assert list(said.fields) == list(fields_by_name(cls))
    schema = kind_schema(name, cls)
    assert all(part.get("description") for part in schema["properties"].values())


@pytest.mark.parametrize(("family", "name"), KINDS)
def test_a_kind_is_plain_data_and_back(folder, family, name):
    made = example(family, name)

    plain = dump(made)

    assert plain["kind"] == made.kind == name
    assert set(plain) == {"kind", *fields_by_name(made)} - set(in_code(type(made)))
    assert read(family, plain) == made
    assert dump(read(family, plain)) == plain
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(read(family, plain)) == hash(made)
    assert read(family, made) is made


@pytest.mark.parametrize("family", families())
def test_every_kind_derives_from_the_base_of_its_family(family):
    if family == "settings":
        return
    base = importlib.import_module(f"sdesim.{family}").Base
    for name, cls in kinds_of(family).items():
        assert issubclass(cls, base), name


def test_files_of_kinds_import_no_compiler_and_no_framework():
    modules = {place.module for family in families() for place in own_kinds()[0].get(family, {}).values()}
    heavy = ("numba", "torch", "xarray", "pandas", "pydantic", "sklearn", "matplotlib")
    code = "; ".join(f"import {module}" for module in sorted(modules))
    code = f"import sys; {code}; print([name for name in {heavy} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
