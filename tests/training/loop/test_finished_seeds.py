"""A recording that was cut off keeps the seeds that were finished."""

import pytest

from tests.training.recorded import PROBES, train


def test_an_interrupted_recording_goes_on_with_the_same_bits(tmp_path):
    whole = train(trajectories=3, probes=PROBES)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done > 16:
            raise Stopped

    with pytest.raises(Stopped):
        train(trajectories=3, probes=PROBES, out=tmp_path / "run.zarr", progress=stop)
    resumed = train(trajectories=3, probes=PROBES, out=tmp_path / "run.zarr", resume=True)

    for name in whole.data_vars:
        assert whole[name].values.tobytes() == resumed[name].values.tobytes(), name
    assert [p.name for p in tmp_path.iterdir()] == ["run.zarr"]
