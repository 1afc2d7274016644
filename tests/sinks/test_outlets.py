"""The sinks of one training."""

import os
import random
import warnings

import numpy as np
import pytest
import torch

from sdesim.errors import RunError
from sdesim.sinks import Csv, Outlets
from tests.sinks.rows import measured


class Broken:
    def __init__(self):
        self.rows, self.broken, self.kept = [], True, None

    def write(self, measurement):
        if self.broken:
            raise OSError(28, "No space left on device")
        self.rows.append(measurement.step)

    def keep_run(self, run):
        self.kept = run("out")

    def close(self):
        raise ValueError("closed")


def test_a_sink_that_fails_is_told_once_and_the_others_go_on(tmp_path):
    broken = Broken()
    outlets = Outlets([broken, Csv(str(tmp_path / "a.csv"))])

    with pytest.warns(UserWarning, match=r"Broken: OSError: .*No space left.*; the training goes on"):
        outlets.write(measured(1))
    assert "No space left" in outlets.reasons["sinks"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outlets.write(measured(2))
        broken.broken = False
        outlets.write(measured(3))
        assert outlets.reasons == {}
        outlets.close(lambda out: f"run at {out}")

    assert (broken.rows, broken.kept) == ([3], "run at out")
    assert outlets.reasons == {"sinks": "Broken: ValueError: closed"}
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 4


class Drawing:
    """A sink that draws random numbers."""

    def open(self):
        random.random()
        return self

    def write(self, measurement):
        random.random()
        np.random.rand()  # noqa: NPY002
        torch.rand(1)

    close = open


def test_random_numbers_of_a_sink_are_none_of_the_training_s():
    def states():
        return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002

    before = states()
    outlets = Outlets([Drawing()])
    outlets.write(measured(1))
    outlets.close()
    assert states() == before


def test_what_can_not_be_opened_is_refused_before_anything_is_measured(tmp_path):
    with pytest.raises(RunError, match="can't write"):
        Outlets([Csv(str(tmp_path / "a" / "b.csv")), Csv(str(tmp_path / "a" / "b.csv" / "c.csv"))])


def test_a_fork_writes_nothing(tmp_path):
    outlets = Outlets([Csv(str(tmp_path / "a.csv"))])
    child = os.fork()
    if not child:
        outlets.write(measured(1))
        outlets.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

    assert (tmp_path / "a.csv").read_text() == ""
    outlets.write(measured(2))
    outlets.close()
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 2
