"""A run that an interruption left is held against what goes on with it, before anything is written."""

import json

import pytest

from sdesim.errors import RunError
from tests.runs.test_checked_store import begun, chunk, flip, one_line, stored


@pytest.fixture
def out(tmp_path):
    out = tmp_path / "run.zarr"
    stored(out).note_chunks()
    return out


def edit(file, change):
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))


def test_what_is_as_it_was_written_is_gone_on_with(out):
    begun(out, resume=True).finish()


HARMS = {
    "its fill value is 0": (
        lambda out: edit(out / "loss" / "zarr.json", lambda told: told.update(fill_value=0.0)),
        "the description of loss is not the one that was written",
    ),
    "its codecs are gone": (
        lambda out: edit(out / "loss" / "zarr.json", lambda told: told.pop("codecs")),
        "the description of loss can't be read",
    ),
    "its description is cut off": (
        lambda out: (out / "loss" / "zarr.json").write_text("{"),
        "the description of loss can't be read",
    ),
    "its description is gone": (
        lambda out: (out / "step" / "zarr.json").unlink(),
        "the description of step can't be read",
    ),
    "what was written is not noted": (
        lambda out: edit(out / "zarr.json", lambda told: told["attributes"].pop("manifest")),
        "can't be gone on with (KeyError: 'manifest'): remove it, and start again",
    ),
    "a chunk is gone": (lambda out: chunk(out).unlink(), "chunk loss/c/0/1 is missing"),
    "a chunk is damaged": (lambda out: flip(chunk(out)), "chunk loss/c/0/1 is damaged"),
    "a chunk is another one": (
        lambda out: chunk(out).write_bytes(chunk(out, 0).read_bytes()),
        "chunk loss/c/0/1 is not the one that was written",
    ),
}


@pytest.mark.parametrize("name", HARMS)
def test_what_is_not_is_told_in_one_line(name, out):
    harm, words = HARMS[name]
    harm(out)

    with pytest.raises(RunError) as error:
        begun(out, resume=True)
    assert words in one_line(error)
