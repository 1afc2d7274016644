"""The run schema, its store and what is measured from it, whatever arm made the arrays."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import RunError
from sdesim.io.files import atomic_write_text, to_json
from sdesim.runs import (
    GradientOracle,
    Probes,
    RunWriter,
    concat_runs,
    measure,
    open_run,
    probe,
    probe_rng,
    projection_directions,
    validate_run,
)
from sdesim.runs.schema import CURVATURE_PROBE, EVERY_PROBE, GRADIENT_PROBE, GROUP_PROBE, VARIABLES

DIM, SAMPLES, PROBES = 6, 24, 3
CURVATURE = np.diag([1.0, 2.0, 3.0, 0.5, 0.1, -0.2])


class Bowl:
    """Gradient H θ plus white noise."""

    def loss(self, theta):
        return float(0.5 * theta @ CURVATURE @ theta)

    def gradients(self, theta, n, rng):
        return CURVATURE @ theta + 0.3 * rng.standard_normal((n, DIM))

    def hvp(self, theta, v):
        return CURVATURE @ v


def make_run(kind="simulated", out=None, trajectories=2, **attrs):
    steps = np.arange(0, 41)
    writer = RunWriter(
        kind=kind, trajectories=trajectories, steps=steps, time=0.1 * steps, dim=DIM, out=out,
        variables=[
            "loss", "theta", "theta_projection", "status", *EVERY_PROBE, *GRADIENT_PROBE, *GROUP_PROBE,
            *CURVATURE_PROBE,
        ],
        probe_steps=[0, 20, 40], probe_time=[0.0, 2.0, 4.0], samples=SAMPLES, directions=DIM,
        groups=("a", "b"),
        attrs={"name": "bowl", "seed": 1, "learning_rate": 0.1, "batch_size": 8, **attrs},
    )  # fmt: skip
    directions = projection_directions(DIM)
    for k in range(trajectories):
        path = np.cumsum(np.random.default_rng(k).standard_normal((41, DIM)), axis=0)
        writer.write("theta", path, trajectory=k)
        writer.write("theta_projection", path @ directions.T, trajectory=k)
        writer.write("loss", [Bowl().loss(x) for x in path], trajectory=k)
        for at, step in enumerate((0, 20, 40)):
            values = probe(
                Bowl(), path[step], samples=SAMPLES, rng=probe_rng(1, k, step), step_size=0.1,
                directions=directions, groups={"a": slice(0, 2), "b": slice(2, 6)},
            )  # fmt: skip
            for name, value in values.items():
                writer.write(name, value, trajectory=k, probe=at)
    return writer.finish()


def test_the_protocol_is_recognised():
    assert isinstance(Bowl(), GradientOracle)


def test_a_stored_run_reads_back_as_it_was(tmp_path):
    memory, disk = make_run(), make_run(out=tmp_path / "run.zarr")

    validate_run(memory)
    xr.testing.assert_identical(memory.drop_attrs(), disk.load().drop_attrs())
    assert disk.attrs["complete"]
    assert list(disk["group"].values) == ["a", "b"]
    assert disk["loss"].attrs["units"] == "loss"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 4), st.integers(1, 30), st.integers(1, 5), st.booleans())
def test_any_shape_survives_the_store(tmp_path_factory, trajectories, steps, dim, real):
    out = tmp_path_factory.mktemp("run") / "run.zarr"
    rng = np.random.default_rng(steps)
    theta = rng.standard_normal((trajectories, steps, dim))
    writer = RunWriter(
        kind="real" if real else "simulated", trajectories=trajectories, steps=np.arange(steps),
        time=np.arange(steps) * 0.1, dim=dim, variables=["loss", "theta", "status"],
        attrs={"seed": 0, "learning_rate": 0.1}, out=out,
    )  # fmt: skip
    for k in range(trajectories):
        writer.write("theta", theta[k], trajectory=k)
    writer.write("loss", theta.sum(axis=2))
    run = writer.finish()

    assert run["theta"].values.tobytes() == theta.tobytes()
    assert run["status"].dtype == np.int8


def test_an_unfinished_run_can_be_read_and_says_so(tmp_path):
    writer = RunWriter(
        kind="simulated", trajectories=1, steps=[0, 1], time=[0.0, 0.1], dim=1, variables=["loss"],
        attrs={"seed": 0, "learning_rate": 0.1}, out=tmp_path / "run.zarr",
    )  # fmt: skip
    writer.write("loss", [[1.0]], step=slice(0, 1))

    run = open_run(tmp_path / "run.zarr")

    assert not run.attrs["complete"]
    assert run["loss"].values[0, 0] == 1.0
    assert np.isnan(run["loss"].values[0, 1])


def test_what_is_not_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="no run"):
        open_run(tmp_path / "nothing.zarr")
    with pytest.raises(RunError, match="no run"):
        open_run(tmp_path)
    run = make_run()
    with pytest.raises(RunError, match="not part of the run schema"):
        validate_run(run.assign(invented=("step", np.zeros(41))))
    with pytest.raises(RunError, match="schema_version"):
        validate_run(run.drop_attrs())
    with pytest.raises(RunError, match="not part of the run schema"):
        RunWriter(
            kind="real", trajectories=1, steps=[0], time=[0.0], dim=1, variables=["lost"], attrs={}, out=None
        )


def test_runs_join_along_trajectories():
    joined = concat_runs([make_run(), make_run(seed=2)])

    validate_run(joined)
    assert joined.sizes["trajectory"] == 4
    assert joined.trajectory.values.tolist() == [0, 1, 2, 3]
    assert joined.attrs["seeds"] == [1, 2]
    with pytest.raises(RunError, match="learning_rate"):
        concat_runs([make_run(), make_run(learning_rate=0.2)])


def test_measurements_do_not_depend_on_the_kind_of_run():
    simulated, real = measure(make_run("simulated")), measure(make_run("real"))

    xr.testing.assert_identical(simulated.drop_attrs(), real.drop_attrs())


def test_measured_c_is_the_estimators_on_the_same_gradients():
    run = make_run()
    m = measure(run)
    g = Bowl().gradients(run.theta.values[1, 20], SAMPLES, probe_rng(1, 1, 20))
    e = est.consolidation_ratio(g)

    for name, value in (("C_alpha", e.value), ("C_alpha_low", e.low), ("C_alpha_high", e.high)):
        assert m[name].values[1, 1] == pytest.approx(value, rel=1e-9)
    assert m["C_alpha_literal"].values[1, 1] == pytest.approx(est.consolidation_ratio(g, "literal").value)
    assert m["C_1"].values[1, 1] == pytest.approx(e.value / 8)
    assert m["p"].values[1, 1] == pytest.approx(est.probability(e).value)
    assert m["odds"].values[1, 1] == pytest.approx(e.value)


def test_measured_curvature_drift_and_i_follow_their_definitions():
    run = make_run()
    m = measure(run)
    theta = run.theta.values[0, 20]
    eta, grad = 0.1, CURVATURE @ theta
    hessian_noise = 0.09 * np.trace(CURVATURE)

    assert m["lambda_max"].values[0, 1] == pytest.approx(3.0, rel=1e-3)
    assert m["S"].values[0, 1] == pytest.approx(2 - eta * 3.0, rel=1e-3)
    assert m["S_literal"].values[0, 1] == pytest.approx(2 * eta - 3.0, rel=1e-3)
    # |μ|² is known to 2|μ| 0.3/√24 and Tr(HΣ) to a factor of two; six standard errors.
    slack = 6 * (2 * np.linalg.norm(grad) * 0.3 / np.sqrt(SAMPLES) + 0.5 * eta * hessian_noise)
    assert abs(m["lyapunov_drift"].values[0, 1] + grad @ grad - 0.5 * eta * hessian_noise) < slack
    i = m["p"].values * m["S"].values / 2 / m["d_H"].values
    np.testing.assert_allclose(m["I"].values, i)
    literal = m["p_literal"].values * m["S_literal"].values / m["d_H_literal"].values
    np.testing.assert_allclose(m["I_literal"].values, literal)


def test_batches_are_converted_to_the_training_batch():
    same, converted = measure(make_run()), measure(make_run(probe_batch_size=2))

    # Probed at B = 2 and trained at B = 8: C grows by 4, the noise shrinks by 4.
    np.testing.assert_allclose(converted["C_alpha"].values, 4 * same["C_alpha"].values)
    np.testing.assert_allclose(converted["noise"].values, same["noise"].values / 4)
    assert "converted_batch" in str(converted["C_alpha_flags"].values[0, 0])


def test_what_was_not_probed_is_nan_and_says_so():
    run = make_run().copy(deep=True)
    for name in (*GRADIENT_PROBE, *CURVATURE_PROBE):
        run[name].values[1] = np.nan

    m = measure(run)

    assert np.isnan(m["C_alpha"].values[1]).all()
    assert "no_value" in str(m["C_alpha_flags"].values[1, 0])
    assert (m["phase"].values[1] == "undefined").all()
    assert np.isfinite(m["C_alpha"].values[0]).all()


def test_every_measured_number_has_interval_and_flags():
    m = measure(make_run())

    numbers = [n for n in m.data_vars if not str(n).endswith(("_low", "_high", "_flags", "_literal"))]
    for name in numbers:
        if not str(name).startswith("phase"):
            assert {f"{name}_low", f"{name}_high", f"{name}_flags"} <= set(m.data_vars), name
            low, high, value = (m[f"{name}{s}"].values for s in ("_low", "_high", ""))
            known = np.isfinite(low)
            assert (low[known] <= value[known]).all(), name
            assert (value[known] <= high[known]).all(), name


def test_probe_settings_are_checked():
    with pytest.raises(RunError, match="every"):
        Probes(every=0)
    with pytest.raises(RunError, match="estimators"):
        Probes(every=1, estimators="gradient")
    assert Probes(every=4).probe_steps(10).tolist() == [0, 4, 8]


def test_files_appear_whole_and_json_is_strict(tmp_path):
    atomic_write_text(tmp_path / "deep" / "a.txt", "x")

    assert (tmp_path / "deep" / "a.txt").read_text() == "x"
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert "NaN" not in to_json({"a": float("nan"), "b": float("inf"), "c": np.arange(2)})
    assert to_json({"a": [1 / 3, 1 << 40, np.True_]}, 6, None) == '{"a": [0.333333, 1099511627776, true]}\n'
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't write"):
        atomic_write_text(tmp_path / "file" / "a.txt", "x")


def test_every_variable_of_the_schema_has_units_and_meaning():
    for name, spec in VARIABLES.items():
        assert spec.units, name
        assert spec.long_name, name
