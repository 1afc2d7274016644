"""Measurements as metrics of Weights & Biases."""

import random

import pytest

from sdesim.errors import RunError
from sdesim.sinks import WandB
from tests.sinks.rows import measured


@pytest.fixture
def offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    return tmp_path


def test_metrics_of_a_run_of_its_own_or_of_the_active_one(offline):
    import wandb

    before = random.getstate()
    sink = WandB(folder=str(offline), name="mine").open()
    sink.write(measured(1))
    sink.write(measured(5, lambda_max=3.0))
    own = wandb.run
    assert dict(own.summary)["sdesim/C_alpha"] == 0.5
    assert (own.name, own.project, own.summary["sdesim/step"]) == ("mine", "sdesim", 5)
    assert "sdesim/lambda_max_low" not in dict(own.summary)
    sink.close()
    assert wandb.run is None

    with wandb.init(project="theirs", settings=wandb.Settings(silent=True)) as theirs:
        sink.write(measured(6, C_alpha=0.75))
        assert theirs.summary["sdesim/C_alpha"] == 0.75
        sink.close()
        theirs.log({"loss": 1.0})
    # Nothing was drawn from the generator of the training.
    assert random.getstate() == before
    files = list(offline.glob("wandb/offline-run-*/*.wandb"))
    assert any(b"sdesim/lambda_max" in f.read_bytes() for f in files)


def test_without_the_package_it_is_refused(monkeypatch):
    monkeypatch.setattr("sdesim.sinks.wandb.find_spec", lambda name: None)
    with pytest.raises(RunError, match="needs the package wandb"):
        WandB().open()
