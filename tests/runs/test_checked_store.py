"""Damage to a stored run is told in one line when it is opened or read, and never read as data."""

import asyncio
import gc
import json
import pickle
import shutil

import numpy as np
import pytest
import xarray as xr

from sdesim.errors import RunError
from sdesim.io.places import place, remove_tree
from sdesim.runs import RunWriter, checked_store, open_run, store

STEPS = np.arange(600)


def begun(out, resume=False):
    return RunWriter(
        kind="simulated", trajectories=2, steps=STEPS, time=STEPS * 0.1, dim=1, variables=["loss", "status"],
        attrs={"seed": 0, "learning_rate": 0.1}, out=out, resume=resume,
    )  # fmt: skip


def stored(out):
    """Three chunks of a loss."""
    writer = begun(out)
    for start in (0, 256, 512):
        part = STEPS[start : start + 256]
        writer.write("loss", np.stack([part, -part]), step=slice(start, start + len(part)))
    return writer


def chunk(out, number=1):
    return out / "loss" / "c" / "0" / str(number)


def flip(file, place=8):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def one_line(error):
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
    return str(error.value)


@pytest.fixture
def out(tmp_path):
    out = tmp_path / "run.zarr"
    stored(out).finish()
    return out


def test_what_was_written_is_read_whole_and_in_parts_also_by_other_tools_and_in_another_process(out):
    run = open_run(out)
    again = pickle.loads(pickle.dumps(run))

    assert "unverified" not in run.attrs
    assert "manifest" not in run.attrs
    assert np.array_equal(run["loss"].values[0], STEPS)
    assert np.array_equal(again["loss"].values, run["loss"].values)
    assert np.array_equal(xr.open_zarr(out, consolidated=False)["loss"], run["loss"])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda file: file.unlink(), "chunk loss/c/0/1 is missing"),
        (lambda file: file.write_bytes(file.read_bytes()[:100]), "chunk loss/c/0/1 is cut off"),
        (lambda file: file.write_bytes(b""), "chunk loss/c/0/1 is cut off"),
    ],
)
def test_a_chunk_that_is_gone_or_cut_off_is_told_on_opening(out, harm, words):
    harm(chunk(out))

    with pytest.raises(RunError) as error:
        open_run(out)
    assert words in one_line(error)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (flip, "chunk loss/c/0/1 is damaged"),
        (lambda file: flip(file, -1), "chunk loss/c/0/1 is damaged"),
        # It has a checksum of its own, but that of other numbers.
        (
            lambda file: shutil.copy(file.with_name("0"), file),
            "chunk loss/c/0/1 is not the one that was written",
        ),
    ],
)
def test_a_chunk_with_other_content_is_told_when_it_is_read_and_the_others_are_read(out, harm, words):
    harm(chunk(out))
    run = open_run(out)

    assert np.array_equal(run["loss"][0, :256], STEPS[:256])
    with pytest.raises(RunError) as error:
        run["loss"].load()
    assert words in one_line(error)


def test_what_vanishes_after_opening_is_told_when_it_is_read(out):
    run = open_run(out)
    chunk(out).unlink()

    with pytest.raises(RunError, match="chunk loss/c/0/1 is missing"):
        run["loss"].load()


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: flip(file, -1)])
def test_a_chunk_that_is_lost_while_the_run_is_made_keeps_it_from_being_whole(tmp_path, harm):
    out = tmp_path / "run.zarr"
    writer = stored(out)
    harm(chunk(out))

    with pytest.raises(RunError, match="chunk loss/c/0/1 is"):
        writer.finish()
    assert not open_run(out).attrs["complete"]


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), flip])
def test_a_chunk_that_is_lost_between_interruption_and_resume_is_told_before_the_work(tmp_path, harm):
    out = tmp_path / "run.zarr"
    stored(out).note_chunks()
    begun(out, resume=True)
    harm(chunk(out))

    with pytest.raises(RunError, match="chunk loss/c/0/1 is"):
        begun(out, resume=True)


@pytest.mark.parametrize("url", [False, True])
def test_a_chunk_that_was_written_on_after_it_was_noted_is_gone_on_with_and_another_s_is_not(tmp_path, url):
    out = place("memory://grown/run.zarr" if url else tmp_path / "run.zarr")
    values = np.stack([STEPS, -STEPS])
    writer = begun(out)
    writer.write("loss", values[:, :256], step=slice(0, 256))
    writer.write("loss", values[:, 256:300], step=slice(256, 300))
    writer.note_chunks()
    # Stopped here, before the next checkpoint.
    writer.write("loss", values[:, 300:512], step=slice(300, 512))

    writer = begun(out, resume=True)
    writer.write("loss", values[:, 300:], step=slice(300, 600))
    writer.write("status", [0, 0])
    assert np.array_equal(writer.finish()["loss"], values)

    other = out.with_name("other.zarr")
    remove_tree(out)
    for made, sign in ((out, 1), (other, -1)):
        writer = begun(made)
        writer.write("loss", sign * values[:, :300], step=slice(0, 300))
        writer.note_chunks()
    content = (other / "loss/c/0/1").read_bytes()
    (out / "loss/c/0/1").write_bytes(content)
    with pytest.raises(RunError, match="chunk loss/c/0/1 is not the one that was written"):
        begun(out, resume=True)


def test_a_resumed_run_answers_for_the_chunks_of_the_interrupted_one(tmp_path):
    out = tmp_path / "run.zarr"
    stored(out).note_chunks()
    writer = begun(out, resume=True)
    chunk(out).unlink()

    with pytest.raises(RunError, match="chunk loss/c/0/1 is missing"):
        writer.finish()


def test_edited_descriptions_and_attributes_are_told(out):
    edits = {
        "loss/zarr.json": ('"shape":[2,600]', "is not the one"),
        "zarr.json": ('"seed":0', "attributes are not the ones"),
    }
    for name, (part, words) in edits.items():
        file = out / name
        held = file.read_text()
        plain = json.dumps(json.loads(held), separators=(",", ":"))
        assert part in plain
        file.write_text(plain.replace(part, part.replace("0", "1")))
        with pytest.raises(RunError) as error:
            open_run(out)
        assert words in one_line(error)
        file.write_text(held)
    open_run(out)


def test_garbage_in_descriptions_is_one_line(out):
    for name in ("loss/zarr.json", "zarr.json"):
        held = (out / name).read_bytes()
        for garbage in (b"", b"[]", b"{", b"\xff\xfe", b'{"zarr_format": 3}', b"null"):
            (out / name).write_bytes(garbage)
            with pytest.raises(RunError) as error:
                open_run(out)
            one_line(error)
        (out / name).write_bytes(held)


@pytest.mark.parametrize("finished", [True, False])
def test_a_size_beyond_any_machine_is_one_line(tmp_path, finished):
    out = tmp_path / "run.zarr"
    writer = stored(out)
    if finished:
        writer.finish()
    file = out / "loss" / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": [2, 10**30]}))

    with pytest.raises(RunError) as error:
        open_run(out)

    one_line(error)


@pytest.mark.parametrize(("error", "logged"), [(RunError("told by the first"), 0), (ValueError("other"), 1)])
def test_what_the_other_chunks_of_a_read_have_is_not_logged(caplog, error, logged):
    async def fail():
        raise error

    async def lose():
        task = asyncio.ensure_future(fail())
        await asyncio.sleep(0.01)
        assert task.done()

    asyncio.run(lose())
    gc.collect()

    assert sum("never retrieved" in r.message for r in caplog.records) == logged


def test_runs_of_schema_version_1_and_copies_open_unverified(out, tmp_path):
    old = tmp_path / "old.zarr"
    copy = open_run(out).load().assign_attrs(schema_version=1)
    copy.drop_encoding().to_zarr(old, consolidated=False, encoding={"loss": {"compressors": ()}})
    run = open_run(old)

    assert run.attrs["unverified"] == 1
    assert np.array_equal(run["loss"][0], STEPS)
    file = next((old / "loss" / "c").rglob("0"))
    while file.is_dir():
        file = next(file.iterdir())
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(RunError, match="is cut off"):
        open_run(old)["loss"].load()


def test_a_run_that_is_moved_while_it_is_written_is_not_begun_anew_elsewhere(tmp_path):
    out = tmp_path / "run.zarr"
    writer = stored(out)
    out.rename(tmp_path / "other.zarr")

    with pytest.raises(RunError, match="was moved or removed"):
        writer.write("status", [0, 1])
    assert not out.exists()


def test_damage_at_a_url_is_told_as_that_of_files_is(tmp_path):
    out = place("memory://checked/run.zarr")
    out.remove_tree()
    stored(tmp_path / "run.zarr").finish()
    run = stored(out).finish()
    xr.testing.assert_identical(run.load(), open_run(tmp_path / "run.zarr").load())
    xr.testing.assert_identical(pickle.loads(pickle.dumps(open_run(out))).load(), run)
    file, content = chunk(out), chunk(out).read_bytes()

    file.unlink()
    with pytest.raises(RunError, match="chunk loss/c/0/1 is missing"):
        open_run(out)
    file.write_bytes(content[:-1])
    with pytest.raises(RunError, match="chunk loss/c/0/1 is cut off"):
        open_run(out)
    file.write_bytes(content)
    lazy = open_run(out)
    flip(file)
    with pytest.raises(RunError, match="chunk loss/c/0/1 is damaged") as error:
        lazy.load()
    one_line(error)
    out.remove_tree()


def test_objects_that_vanish_or_change_while_a_run_is_written_end_it():
    out = place("memory://checked/run.zarr")
    for how, words in ((None, "is missing"), (b"12345678", "is not the one that was written")):
        out.remove_tree()
        writer = stored(out)
        if how is None:
            chunk(out).unlink()
        else:
            chunk(out).write_bytes(how)
        with pytest.raises(RunError, match=rf"chunk loss/c/0/1 {words}"):
            writer.finish()
        assert not open_run(out).attrs["complete"]
    out.remove_tree()


def test_an_array_whose_description_is_gone_is_not_left_out(tmp_path):
    out = tmp_path / "run.zarr"
    stored(out)
    assert "loss" in open_run(out)
    (out / "loss" / "zarr.json").unlink()

    with pytest.raises(RunError, match="the description of loss can't be read"):
        open_run(out)


def test_what_is_said_to_be_there_is_on_the_disk_before(tmp_path, monkeypatch):
    waited = []

    def to_disk(path):
        held = json.loads((tmp_path / "run.zarr" / "zarr.json").read_text())["attributes"]
        waited.append((path, "written" in held.get("manifest", ""), held["complete"]))

    monkeypatch.setattr(checked_store, "to_disk", to_disk)
    out = tmp_path / "run.zarr"
    first = (chunk(out, 0), False, False)

    # As before a checkpoint.
    writer = stored(out)
    writer.note_chunks()

    assert first in waited
    assert {(chunk(out, 0).parent, False, False), (tmp_path, False, False)} <= set(waited)
    assert waited[-1][1:] == (True, False)
    assert (out / "zarr.json", True, False) in waited
    assert waited.count(first) == 1
    # At the end, of what was long in the making.
    waited.clear()
    writer.write("status", [0, 0])
    writer.finish()
    assert not waited
    shutil.rmtree(out)
    writer = stored(out)
    monkeypatch.setattr(store, "_WORTH", 0.0)
    writer.finish()
    assert first in waited
    assert (out / "zarr.json", False, True) in waited
