"""The map of streams: no two purposes share a number, and what draws does it at its place of the table."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces
from sdesim.compiled import philox, streams
from sdesim.errors import SdesimError
from sdesim.noise import philox4x32

SEEDS, SMALL = (0, 2**40 + 7), range(2)


def test_purposes_of_the_counter_have_words_and_streams_of_their_own():
    for one, other in itertools.combinations(streams.COUNTED, 2):
        words = one.begin < other.end and other.begin < one.end
        numbers = one.streams[0] < other.streams[1] and other.streams[0] < one.streams[1]
        assert not (words and numbers), (one.name, other.name)
    # A word has 32 bits, a stream 8, and a purpose is the highest 8 of the word.
    for row in streams.COUNTED:
        assert 0 <= row.begin < row.end <= 2**32
        assert row.begin % 2**24 == row.end % 2**24 == 0
        assert 0 <= row.streams[0] < row.streams[1] <= 2**8


def test_no_two_places_of_the_counter_give_the_same_numbers():
    seen = {}
    for row, seed in itertools.product(streams.COUNTED, SEEDS):
        for trajectory, stream, pair, coordinate, step in itertools.product(
            SMALL, SMALL, SMALL, SMALL, SMALL
        ):
            place = (trajectory, coordinate | (row.streams[0] + stream) << 24, pair, row.begin + step)
            found = tuple(philox4x32(place, (seed % 2**32, seed >> 32)).tolist())
            assert seen.setdefault(found, (seed, place)) == (seed, place)


def test_no_two_purposes_by_words_are_seeded_alike():
    for seed in SEEDS:
        # The words of a place, whose generators they seed, and the sequence.
        places = [
            (row.name, by, np.trim_zeros(words, "b"), streams.sequence(*words))
            for row in streams.SEQUENCED
            for by in row.by
            for words in (row.words(seed, *at) for at in itertools.product(SMALL, SMALL, SMALL))
        ]
        places += [
            (row.name, "numpy", row.key, np.random.SeedSequence(seed, spawn_key=row.key))
            for row in streams.OWNED
        ]
        seen = {}
        for name, by, words, sequence in places:
            found = (by, *sequence.generate_state(4).tolist())
            assert seen.setdefault(found, (name, words)) == (name, words)
        names = {name for name, _ in seen.values()}
        assert names == {row.name for row in (*streams.SEQUENCED, *streams.OWNED)}


def test_nothing_in_the_package_draws_from_words_that_are_not_in_the_table():
    # Generators of a plain seed are rows of the table's last part; others are made by its functions.
    wild = re.compile(r"SeedSequence\(|default_rng\([\[(]")
    allowed = {
        # The functions of the table.
        "compiled/streams.py",
        # Draws that nobody's seed is in: the same ones always.
        "comparison/power.py", "comparison/statistics.py", "estimators/tails/characteristic.py",
        # An object's own seed, with more of its own behind it.
        "estimators/dimension/trajectory.py", "surfaces/bowls/rough.py", "stable/fitting/fit.py",
        "fits/result.py",
    }  # fmt: skip
    root = Path(sdesim.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if wild.search(path.read_text(encoding="utf-8"))
    }
    assert found == allowed


def test_constants_of_the_kernels_are_those_of_the_table():
    rows = {row.name: row for row in streams.COUNTED}
    assert int(philox.DRAWS) == rows["draws"].begin
    bridge = (Path(sdesim.__file__).parent / "engine/kernels/bridge.py").read_text(encoding="utf-8")
    leaps = (Path(sdesim.__file__).parent / "engine/kernels/leaps.py").read_text(encoding="utf-8")
    assert "\nWORDS = EXITS\n" in bridge
    assert "\nLEAP_WORDS, JUMP_WORDS = LEAPS, JUMPS\n" in leaps
    assert rows["exits"].begin == streams.EXITS
    # The bits of runs depend on these.
    assert [row.begin >> 24 for row in streams.COUNTED] == [0, 0, 1, 2, 3, 64, 96, 112, 128]


def test_a_simulation_has_fewer_sets_of_increments_than_streams():
    many = [noise.Gaussian(diffusion=0.1)] * 251
    with pytest.raises(SdesimError, match="noise: found 251 sets of increments, allowed: at most 250"):
        sdesim.simulate(surfaces.Quadratic([1.0]), many, dt=0.1, steps=1, progress=False)


def test_layers_and_the_order_of_the_data_draw_apart():
    torch = pytest.importorskip("torch")
    from sdesim.training.loop.one_seed import isolated_torch, seed_layers, stream_seed

    def words(generator):
        return torch.randint(2**31, (64,), generator=generator).tolist()

    with isolated_torch():
        seed_layers(5, 1)
        layers, own = words(None), np.random.randint(2**31, size=64).tolist()  # noqa: NPY002
    order = words(torch.Generator().manual_seed(stream_seed(5, 1, streams.ORDER)))
    # 2³¹ numbers: three pairs of 64 meet by chance with probability 6e-6 at most.
    assert len({*layers, *own, *order}) == 3 * 64


def test_random_features_are_not_the_examples_of_the_same_seed():
    from sdesim.data import TeacherStudent

    data = TeacherStudent(train=20, test=0, features=3, seed=4)
    features = surfaces.RandomFeatures(data=data, features=20, seed=4).weights

    drawn = np.random.default_rng(4).standard_normal(400)
    assert not np.isin(features, drawn).any()
