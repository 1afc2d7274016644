"""Clusters in this process, and ensembles of every sort of what a block keeps."""

from contextlib import contextmanager

import distributed
import numpy as np

import sdesim
from sdesim import events, noise, reductions, surfaces

REDUCED = [
    reductions.Moments(order=2), reductions.Quantiles([0.5]), reductions.Extremes(),
    reductions.Autocorrelation([10, 20]),
]  # fmt: skip
KEPT = {
    "save_every": 10, "theta0": np.linspace(-1.5, 1.5, 300)[:, None], "reduce": REDUCED,
    "events": [events.Exit(-1.2, 1.2), events.Occupancy()],
    "probes": sdesim.Probes(every=30, samples=4, trajectories=70),
}  # fmt: skip


def walk(**changes):
    """300 trajectories in a double well."""
    arguments = {"dt": 0.01, "steps": 60, "trajectories": 300, "seed": 5, "progress": False, **KEPT}
    return sdesim.simulate(surfaces.DoubleWell(), noise.Gaussian(0.2), **(arguments | changes))


@contextmanager
def local(workers=2):
    """A client of workers that are threads of this process."""
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def assert_same(a, b):
    """Bits of all variables and coordinates."""
    assert set(a.variables) == set(b.variables)
    for name in a.variables:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].values.tobytes() == b[name].values.tobytes(), name
