"""One ensemble on many machines: in blocks of trajectories, each of which is a task of Dask."""
