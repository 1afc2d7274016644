"""Parts of an ensemble have the reductions of the whole."""

import numpy as np
import pytest

import sdesim
from sdesim.errors import RunError
from tests.engine.reductions.reduced import ALL, walk
from tests.engine.simulated import same_bits

MERGED = [r for r in ALL if r.merges]


def part(first, count, **changes):
    return walk(first=first, trajectories=count, save=(), reduce=MERGED, **changes)


def test_equal_parts_of_whole_leaves_have_the_bits_of_the_whole():
    joined = sdesim.concat_runs([part(k, 128) for k in (0, 128, 256, 384)])
    whole = part(0, 512)

    for name in whole.data_vars:
        assert same_bits(joined[name].values, whole[name].values), name
        assert joined[name].attrs == whole[name].attrs


def test_other_parts_have_its_values_but_for_rounding():
    joined = sdesim.concat_runs([part(0, 192), part(192, 220)])
    whole = part(0, 412)

    for name in ("moment", "central_moment_error", "covariance", "autocorrelation", "covariance_error"):
        # Sums of 412 numbers of about 1, of which differences are taken.
        np.testing.assert_allclose(joined[name], whole[name], rtol=1e-9, atol=1e-13)
    for name in ("histogram", "minimum", "live_count", "stopped_count"):
        np.testing.assert_array_equal(joined[name], whole[name])


def test_what_can_not_be_merged_is_refused_and_never_that_of_the_first():
    parts = [walk(first=k, trajectories=64, save=()) for k in (0, 64)]

    with pytest.raises(RunError, match="quantiles can't be joined"):
        sdesim.concat_runs(parts)
    without = sdesim.concat_runs([p.drop_vars([n for n in p.data_vars if "quantile" in n]) for p in parts])
    assert without["live_count"].values[0] == 128
    with pytest.raises(RunError, match="but one has 100: allowed: multiples of 64"):
        sdesim.concat_runs([part(0, 100), part(100, 64)])
    with pytest.raises(RunError, match="differ in their"):
        sdesim.concat_runs([part(0, 64), walk(first=64, trajectories=64, save=(), reduce=MERGED[1:])])
