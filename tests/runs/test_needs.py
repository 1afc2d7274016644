"""Sizes that don't fit name the field to change, and what of it would fit."""

import pytest

from sdesim.runs.needs import Factor, Need, overdrawn, shown, total

MANY = Factor(("trajectories",), 1000, 1000)
DIM = Factor(("surface", "dim"), 10, 10)
POINTS = Factor(("save_every",), 2, 500, sense=-1)
NEEDS = [
    Need("the ensemble", 8.0, (MANY, DIM)),
    Need("the surface", 100.0, (DIM,)),
    Need("what is saved", 8.0, (MANY, DIM, POINTS), stored=True),
]


def test_memory_and_disk_are_reckoned_apart():
    assert total(NEEDS, stored=False) == 80_000 + 1000
    assert total(NEEDS, stored=True) == 8 * 1000 * 10 * 500


def test_what_fits_is_not_refused():
    assert overdrawn(NEEDS, 81_000, stored=False) is None
    assert overdrawn(NEEDS, 80_999, stored=False) is not None


def test_the_largest_factor_of_the_largest_need_is_named_with_what_would_fit():
    path, text = overdrawn(NEEDS, 41_000, stored=False)

    assert path == ("trajectories",)
    # (41,000 − 1,000) / (8 · 10).
    assert text == (
        "found 1000, allowed: at most 500 here: the ensemble would take 80 kB of memory; 41 kB are free"
    )


def test_what_is_saved_is_lowered_by_saving_more_rarely():
    few = Factor(("trajectories",), 10, 10)
    saved = [Need("what is saved", 8.0, (few, POINTS), stored=True)]

    path, text = overdrawn(saved, 8_000, stored=True)

    assert path == ("save_every",)
    assert text.startswith("found 2, allowed: more, so that there are at most 100: what is saved would take")


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (2.5e9, "2.5 GB"), (1e22, "1e+04 EB")]
)
def test_bytes_in_words(size, words):
    assert shown(size) == words
