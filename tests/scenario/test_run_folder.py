"""Run directories that are removed or replaced in part: what remains is known and cleared, nothing else."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import sdesim
from sdesim.errors import RunError
from sdesim.io.lock import LOCK, locked
from sdesim.io.places import place
from sdesim.io.progress import MARK
from sdesim.runs import open_run
from sdesim.scenario import check_room, parse_scenario, run_scenario
from sdesim.scenario.run_folder import unfinished
from sdesim.scenario.sweep.points import parse_sweep
from sdesim.scenario.sweep.run import run_sweep
from tests.scenario.pairs import TOY
from tests.scenario.sweep.toy import ONE


def begun(out):
    """An older run of another seed whose removal was begun, as a kill leaves it."""
    run_scenario(parse_scenario(TOY, overrides={"seed": 9}), out, progress=False)
    (out / MARK).write_text("")
    (out / "scenario.yaml").unlink()


def path_of(out):
    return open_run(out / "sde.zarr")["theta"].values


def refusal(out, **options):
    try:
        check_room(out, **options)
    except RunError as error:
        return str(error)
    return ""


def test_a_run_whose_folder_others_remove_in_part_marks_what_is_left_and_the_next_one_clears_it(tmp_path):
    out, removed = tmp_path / "x", []

    def remove(arm, done, total):
        if removed:
            return
        # As a removal ends that meets a file which is written meanwhile.
        removed.extend(p.name for p in out.iterdir() if p.name != "sde.zarr")
        for name in removed:
            (out / name).unlink()

    with pytest.raises(RunError, match="was moved or removed while") as error:
        run_scenario(parse_scenario(TOY), out, progress=remove)
    left = sorted(p.name for p in out.iterdir())
    with pytest.raises(RunError, match="was interrupted before it held its scenario: run that again"):
        sdesim.resume(out, progress=False)
    run_scenario(parse_scenario(TOY), out, progress=False)
    run_scenario(parse_scenario(TOY), tmp_path / "alone", progress=False)

    assert "\n" not in str(error.value)
    assert {LOCK, MARK, "scenario.yaml"} <= set(removed)
    assert left == [MARK, "progress.json", "sde.zarr"]
    assert not (out / MARK).exists()
    assert np.array_equal(path_of(out), path_of(tmp_path / "alone"))


def test_a_folder_that_is_gone_or_another_process_s_is_not_marked(tmp_path):
    gone, taken = tmp_path / "gone", tmp_path / "taken"

    def lose(folder, how):
        with locked(folder) as held, unfinished(folder, held, "run"):
            how()
            raise ZeroDivisionError

    def take():
        (taken / MARK).unlink()
        (taken / LOCK).rename(taken / "away")
        (taken / LOCK).write_text("")

    with pytest.raises(ZeroDivisionError):
        lose(gone, lambda: shutil.rmtree(gone))
    with pytest.raises(ZeroDivisionError):
        lose(taken, take)

    assert not gone.exists()
    assert not (taken / MARK).exists()


def test_a_removal_that_was_killed_is_gone_on_with_by_any_run(tmp_path):
    out = tmp_path / "x"
    begun(out)

    assert check_room(out)
    run_scenario(parse_scenario(TOY), out, progress=False)

    assert not refusal(out, overwrite=True)
    assert parse_scenario((out / "scenario.yaml").read_text()).seed == parse_scenario(TOY).seed


def test_a_kill_while_the_first_files_are_written_leaves_drafts_beside_which_a_run_begins(tmp_path):
    out, sweep = tmp_path / "x", tmp_path / "sweep"
    for folder in (out, sweep):
        folder.mkdir()
        for name in (f".{MARK}.a1b2c3d4", ".provenance.json.a1b2c3d4", ".scenario.yaml.a1b2c3d4"):
            (folder / name).write_text("{")

    assert not check_room(out)
    run_scenario(parse_scenario(TOY), out, progress=False)
    run_sweep(parse_sweep(ONE), sweep, progress=False)

    assert not [p.name for folder in (out, sweep) for p in folder.iterdir() if p.name.startswith(".")]


def test_what_is_not_of_a_run_stays_whatever_stands_beside_it(tmp_path):
    mine, notes = tmp_path / "mine", tmp_path / "notes"
    run_scenario(parse_scenario(TOY), mine, progress=False)
    # Runs of one's own in a folder of one's own.
    for path in mine.iterdir():
        if path.name != "sde.zarr":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    begun(notes)
    (notes / "notes.txt").write_text("precious")

    assert "exists already" in refusal(mine)
    assert "is not a run directory" in refusal(mine, overwrite=True)
    assert "exists already" in refusal(notes)
    assert "also holds notes.txt" in refusal(notes, overwrite=True)


def test_at_a_url_what_others_leave_is_marked_too_and_cleared_by_the_next_run():
    out = place("memory://folders/x")
    out.remove_tree()

    def remove(arm, done, total):
        for path in out.iterdir():
            if path.is_file():
                path.unlink()

    with pytest.raises(RunError, match="INCOMPLETE was removed while"):
        run_scenario(parse_scenario(TOY), out, progress=remove)
    assert (out / MARK).exists()
    (out / "scenario.yaml").unlink(missing_ok=True)
    run_scenario(parse_scenario(TOY), out, progress=False)

    assert not (out / MARK).exists()
    assert open_run(out / "sde.zarr").attrs["complete"]
    out.remove_tree()


def test_where_an_unfinished_run_lies_resume_is_named(tmp_path):
    out = tmp_path / "x"

    def stop(arm, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_scenario(parse_scenario(TOY), out, progress=stop)
    unfinished_run = refusal(out)
    sdesim.resume(out, progress=False)

    assert unfinished_run == (
        f"{out} exists already; go on with it by sdesim resume, choose another --out, or give --overwrite"
    )
    assert refusal(out) == f"{out} exists already; choose another --out, or give --overwrite"
