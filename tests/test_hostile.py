"""A slice of the hostile files, and the rules by which answers are judged."""

from __future__ import annotations

import itertools
import random

import pytest

from analysis.hostile.damage import damage
from analysis.hostile.generate import generated
from analysis.hostile.handmade import BASES, handmade
from analysis.hostile.huge import huge
from analysis.hostile.outcome import judged, memory_limit, validated


def slice_of(name: str) -> list[bytes]:
    if name == "made by hand":
        return [content for _, content in itertools.islice(handmade(), 60, None, 16)]
    if name == "huge":
        return [content for _, content in itertools.islice(huge(), 0, None, 17)]
    return [generated(seed) for seed in range(100_000, 100_145)]


@pytest.mark.parametrize("name", ["made by hand", "generated", "huge"])
def test_no_hostile_file_comes_through(name, tmp_path):
    found = slice_of(name)
    # Who is timed has loaded what it needs.
    for text in BASES.values():
        validated(tmp_path, text.encode())
    with memory_limit(2.0):
        faults = [(c[:80], o.fault) for c in found if (o := validated(tmp_path, c)).fault]

    assert faults == []
    assert len(found) > 50


@pytest.mark.parametrize("name", list(BASES))
def test_what_the_files_are_made_of_is_valid(name, tmp_path):
    assert validated(tmp_path, BASES[name].encode()).code == 0


FAULTS = [
    ((1, "x.yaml: bad\n", 0.1, [], "x.yaml"), "exit status 1"),
    ((None, "", 0.1, [], "x.yaml"), "exit status None"),
    ((2, "x.yaml: bad\n", 2.1, [], "x.yaml"), "took 2.1 s"),
    ((2, "x.yaml: bad\n", 0.1, ["runs"], "x.yaml"), "wrote runs"),
    ((2, "x.yaml: \x1b[31m\n", 0.1, [], "x.yaml"), "characters that are not printable"),
    ((2, "x.yaml: bad\n" * 21, 0.1, [], "x.yaml"), "21 lines"),
    ((2, "x.yaml: " + "a" * 300 + "\n", 0.1, [], "x.yaml"), "a line of 308 letters"),
    ((2, "bad\n", 0.1, [], "x.yaml"), "a line that names no file"),
    ((2, "x.yaml: bad\n… and 3 more\n", 0.1, [], "x.yaml"), ""),
    ((0, "x.yaml: valid (a)\n", 0.1, [], "x.yaml"), ""),
]


@pytest.mark.parametrize(("answer", "fault"), FAULTS)
def test_an_answer_is_judged_by_status_lines_letters_time_and_what_is_left(answer, fault):
    assert judged(*answer) == fault


def test_a_number_alone_decides_a_file():
    assert generated(7) == generated(7)
    assert len({generated(seed) for seed in range(50)}) > 45


def test_a_damage_changes_one_place_of_a_folder_and_a_number_alone_decides_it(tmp_path):
    whole = {"summary.json": b'{"a": [1, {"b": 2}]}', "a.zarr/loss/c/0": bytes(range(40))}

    def made(number, name):
        folder = tmp_path / f"{number}{name}"
        (folder / "a.zarr" / "loss" / "c").mkdir(parents=True)
        for place, content in whole.items():
            (folder / place).write_bytes(content)
        told = damage(folder, random.Random(number))
        files = sorted(p for p in folder.rglob("*") if not p.is_dir() or p.is_symlink())
        return told, {str(p.relative_to(folder)): b"" if p.is_symlink() else p.read_bytes() for p in files}

    found = [made(number, "once") for number in range(60)]

    assert found == [made(number, "again") for number in range(60)]
    assert len({told.split()[0] for told, _ in found}) > 8
    # Where the folder itself is emptied, nothing is left.
    assert all(sum(held.get(place) != whole[place] for place in whole) <= 1 for _, held in found if held)
    assert sum(held != whole for _, held in found) > 50
