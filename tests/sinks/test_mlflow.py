"""Measurements as metrics of MLflow."""

import pytest

from sdesim.errors import RunError
from sdesim.sinks import MLflow
from tests.sinks.rows import measured


@pytest.fixture
def store(tmp_path, monkeypatch):
    # MLflow asks that its store of plain files be wanted.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return f"file:{tmp_path / 'mlruns'}"


def test_metrics_of_a_run_of_its_own_which_a_closed_one_goes_on_with(store):
    from mlflow import MlflowClient

    sink = MLflow(uri=store, name="mine").open()
    sink.write(measured(1))
    sink.close()
    sink.write(measured(2, groups={"block[0]": 0.25}))
    sink.close()

    client = MlflowClient(tracking_uri=store)
    (run,) = client.search_runs([client.get_experiment_by_name("sdesim").experiment_id])
    assert (run.info.run_name, run.info.status) == ("mine", "FINISHED")
    found = client.get_metric_history(run.info.run_id, "sdesim/C_alpha")
    assert [(m.step, m.value) for m in found] == [(1, 0.5), (2, 0.5)]
    assert run.data.metrics["sdesim/C_group.block_0_"] == 0.25


def test_the_active_run_is_logged_to_and_left_open(store):
    import mlflow

    mlflow.set_tracking_uri(store)
    try:
        with mlflow.start_run() as run:
            sink = MLflow().open()
            sink.write(measured(3))
            sink.close()
            assert mlflow.active_run() is run
        found = mlflow.MlflowClient().get_run(run.info.run_id)
    finally:
        mlflow.set_tracking_uri(None)
    assert found.data.metrics["sdesim/C_alpha_high"] == 1.0


def test_a_store_that_can_not_be_used_and_an_absent_package_are_refused(monkeypatch):
    with pytest.raises(RunError, match="can't use nowhere://x") as refused:
        MLflow(uri="nowhere://x").open()
    assert "\n" not in str(refused.value)
    monkeypatch.setattr("sdesim.sinks.mlflow.find_spec", lambda name: None)
    with pytest.raises(RunError, match="needs the package mlflow"):
        MLflow().open()
