"""A URL is written and read as a path is; what no store knows is refused in one line."""

import os
import pickle
from pathlib import Path

import pytest

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_json, read_json
from sdesim.io.places import Remote, holders, holds_files, local, named, place, remove_tree, sizes_of


@pytest.fixture
def store():
    found = place("memory://places/here")
    remove_tree(found)
    yield found
    remove_tree(found)


def test_what_is_a_path_and_what_a_url():
    assert place("runs/a") == Path("runs/a")
    assert place("file:///tmp/a%20b") == Path("/tmp/a b")
    assert place(r"C:\runs") == Path(r"C:\runs")
    assert place("s3://bucket/a/") == Remote("s3://bucket/a")
    assert place(place("s3://bucket/a")) == pickle.loads(pickle.dumps(Remote("s3://bucket/a")))
    for wrong in ("s3://", "memory:///", "simplecache::s3://a/b"):
        with pytest.raises(RunError, match="allowed: PROTOCOL://BUCKET/NAME"):
            place(wrong)
    assert place(".") == Path.cwd()
    for wrong in (3, None, "", b"runs"):
        with pytest.raises(RunError, match=r"^found .*, allowed: a path, or PROTOCOL"):
            place(wrong)
    for wrong in ("a\0b", "\ud800", "runs/" + "x" * 256):
        with pytest.raises(RunError, match="allowed: a path whose names have at most 255 bytes") as told:
            place(wrong)
        assert str(told.value).isprintable()
    with pytest.raises(RunError, match="a URL is given as a text"):
        place(Path("s3://bucket/a"))
    with pytest.raises(RunError, match="allowed: a path of this machine for a training"):
        local("s3://bucket/a", "a training")
    with pytest.raises(RunError, match=r"nowhere://a/b can't be reached: ValueError: Protocol not known"):
        place("nowhere://a/b").exists()


def test_names_are_those_of_a_path_and_no_password_is_told():
    at = place("ftp://me:secret@host/a/run.zarr")

    assert (at.name, at.stem, at.parent.name, (at / "x").name) == ("run.zarr", "run", "a", "x")
    assert at.with_name("b").url == "ftp://me:secret@host/a/b"
    assert "secret" not in f"{at} {at!r} {at.parent}"
    assert str(at) == "ftp://host/a/run.zarr"
    with pytest.raises(RunError, match="is no file of this machine"):
        os.fspath(at)


def test_objects_are_written_read_listed_and_removed(store):
    assert not store.exists()
    assert not holds_files(store)
    atomic_write_json(store / "a.json", {"x": 1})
    (store / "b.zarr" / "c" / "0").write_bytes(b"0123456789")

    assert read_json(store / "a.json") == {"x": 1}
    assert store.is_dir()
    assert (store / "a.json").is_file()
    assert sorted(p.name for p in store.iterdir()) == ["a.json", "b.zarr"]
    assert [p.stem for p in named(store, "*.zarr")] == ["b"]
    assert holders(store / "b.zarr", "0") == ["c"]
    found = sizes_of(store, ["b.zarr/c/0", "b.zarr/c/1"])
    assert found == {"b.zarr/c/0": 10}
    assert store.tails(found, 4) == {"b.zarr/c/0": b"6789"}
    (store / "a.json").unlink()
    (store / "a.json").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        (store / "a.json").read_bytes()
    with pytest.raises(RunError, match=r"a\.json can't be read"):
        read_json(store / "a.json")


def test_of_two_that_create_an_object_one_does(store):
    assert (store / "lock").create(b"1")
    assert not (store / "lock").create(b"2")
    assert (store / "lock").read_bytes() == b"1"
