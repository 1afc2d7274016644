"""What is reckoned of chunks is what lies on the disk."""

import math

import numpy as np
import pytest

from sdesim.runs import RunWriter, chunks
from sdesim.runs.chunks import cut, step_chunk, stored_numbers


@pytest.mark.parametrize("kind", ["simulated", "real"])
def test_a_run_takes_as_many_numbers_as_are_reckoned_with_the_rest_of_its_last_chunks(
    kind, monkeypatch, tmp_path
):
    # Small ones, so that dims end inside of chunks.
    monkeypatch.setattr(chunks, "_CHUNK_BYTES", 400)
    monkeypatch.setattr(chunks, "_BLOCK_BYTES", 2200)
    count, steps, dim = 13, np.arange(11), 7
    writer = RunWriter(
        kind=kind, trajectories=count, steps=steps, time=steps * 0.1, dim=dim, variables=["theta", "loss"],
        attrs={"seed": 0, "learning_rate": 0.1}, out=tmp_path / "a.zarr",
    )  # fmt: skip

    writer.write("theta", np.ones((count, 11, dim)))

    lengths = {"trajectory": count, "step": 11, "param": dim}
    together = step_chunk(count, dim, 11)
    simulated = kind == "simulated"
    told = stored_numbers(lengths, simulated, together)
    files = [f for f in (tmp_path / "a.zarr" / "theta").rglob("*") if f.is_file() and f.name != "zarr.json"]
    # Every chunk has a checksum of four bytes behind it.
    assert sum(f.stat().st_size for f in files) == 8 * told + 4 * len(files)
    assert told > count * 11 * dim
    whole = cut(lengths, simulated, together)
    assert len(files) == math.prod(-(-n // whole[d]) for d, n in lengths.items())
