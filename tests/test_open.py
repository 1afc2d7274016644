"""The studies of the open questions rest on exact gradients, equal amounts of replay and whole partitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.open import __main__ as command
from analysis.open import continual, federated, scaling, statistics
from analysis.open import network as nw
from analysis.open import transformer as tf
from sdesim import data
from sdesim import estimators as est

OPEN = Path(__file__).parent.parent / "analysis" / "open"


@pytest.fixture(scope="module")
def small():
    d = data.digits(40, 20, 0)
    layers = nw.start((64, 6, 10), 0)
    return layers, d.x_train, d.y_train, nw.signals(layers, d.x_train, d.y_train)


def test_the_gradient_of_the_network_is_that_of_its_loss(small):
    layers, x, y, found = small
    theta, v = nw.flat(layers), np.random.default_rng(1).standard_normal(nw.flat(layers).size)

    slope = nw.flat(nw.mean_gradient(found)) @ v
    h = 1e-5
    up, down = (nw.loss(nw.unflat(theta + sign * h * v, layers), x, y) for sign in (1, -1))

    # Central differences err by h² times a third derivative (below 1e4 as |v| ≈ 20), by rounding 1e-16/h.
    assert slope == pytest.approx((up - down) / (2 * h), abs=1e-6)


def test_norms_products_and_participation_agree_with_the_gradients_themselves(small):
    _, _, _, found = small
    g = nw.example_gradients(found)

    norm2, dot = nw.draws(found)
    spectrum = np.linalg.svd(g - g.mean(axis=0), compute_uv=False) ** 2

    # Both sides are exact up to rounding.
    assert norm2 == pytest.approx((g**2).sum(axis=1))
    assert dot == pytest.approx(g @ g.mean(axis=0))
    assert nw.gram(found) == pytest.approx(g @ g.T)
    assert nw.ratio(found) == pytest.approx(est.consolidation_ratio(g).value)
    assert nw.participation(found) == pytest.approx(spectrum.sum() ** 2 / (spectrum**2).sum())


def test_replay_at_random_times_is_as_much_as_replay_steered_by_c():
    old, new = continual.tasks("split", 0)
    start = nw.start(continual.WIDTHS, 0)

    steered, used = continual._replayed(old, new, start, 0, 60, rule=("above", 1.0))
    shuffled = np.random.default_rng(0).permutation(used)
    control, also = continual._replayed(old, new, start, 0, 60, chosen=shuffled)

    assert 0 < steered["share"] < 1
    assert steered["share"] == control["share"]
    assert np.array_equal(also, shuffled)


def test_a_power_law_is_found_with_its_exponent():
    x = [1.0, 2.0, 4.0, 8.0]
    y = np.array([[c * v**-0.7 for v in x] for c in (1.0, 2.0, 3.0)])

    law = statistics.power_law(x, y)

    # Without noise every resampling gives the same line.
    assert [law["value"], law["low"], law["high"]] == pytest.approx([-0.7] * 3)
    assert law["residual"] == pytest.approx(0, abs=1e-12)


def test_what_follows_from_a_third_quantity_alone_is_no_partial_correlation():
    rng = np.random.default_rng(0)
    z = rng.standard_normal(4000)
    a, b = z + rng.standard_normal(4000), z + rng.standard_normal(4000)

    assert statistics.rank_correlation(a, b) > 0.4
    # Nearly linear in ranks, which leaves under 0.02; the standard error is 1/√4000 = 0.016, five are 0.08.
    assert abs(statistics.partial_rank_correlation(a, b, z)) < 0.1


def test_the_transformer_predicts_from_earlier_pairs_alone():
    torch.manual_seed(0)
    model = tf.InContext().double()
    x, y = (part.double() for part in tf.episodes(4, tf.seeded(0, 1)))

    later_x, later_y = x.clone(), y.clone()
    later_x[:, 6:] += 1
    later_y[:, 5:] += 1
    with torch.no_grad():
        before, after = model(x, y), model(later_x, later_y)

    # y₆ is predicted from x₁, y₁, …, y₅, x₆: masked attention leaves the very same numbers.
    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6:], after[:, 6:])


@pytest.mark.parametrize("place", [None, 3])
def test_the_mean_of_the_episodes_gradients_is_that_of_the_training_loss(place):
    torch.manual_seed(0)
    model = tf.InContext().double()
    x, y = (part.double() for part in tf.episodes(5, tf.seeded(0, 1)))

    g = tf.episode_gradients(model, x, y, place).mean(axis=0)
    error = (model(x, y) - y) ** 2
    (error if place is None else error[:, place]).mean().backward()
    whole = torch.cat([p.grad.flatten() for p in model.parameters()]).numpy()

    # Equal up to rounding in double precision.
    assert g == pytest.approx(whole, rel=1e-9, abs=1e-12)


def test_scrambled_episodes_hold_nothing_to_learn_from_the_context():
    x, y = tf.episodes(2, tf.seeded(0, 1))
    scrambled_x, scrambled_y = tf.episodes(2, tf.seeded(0, 1), scrambled=True)

    def residual(x, y):
        return max(float(np.linalg.lstsq(a, b)[1][0]) for a, b in zip(x.numpy(), y.numpy(), strict=True))

    # 12 pairs of one w fit exactly (float32); of twelve w the residual is of order 10.
    assert residual(x, y) < 1e-9
    assert residual(scrambled_x, scrambled_y) > 0.1


def test_the_best_width_at_a_budget_is_that_of_least_test_loss():
    def row(test):
        return {
            "steps": {str(s): {"C_1": test, "I": test, "lambda": 1.0, "test": test} for s in scaling.STEPS}
        }

    cells = {f"{w}/800": [{**row(abs(np.log2(w) - 4)), "d": 75 * w}] for w in scaling.WIDTHS}
    best = scaling.optimum(cells, 16_000)

    # 16 = 2⁴ errs least; C goes with the test loss there, so against its low values.
    assert best["width"] == [16]
    assert best["rank C_1"] == pytest.approx([-1])


def test_a_study_writes_its_numbers_its_table_and_its_figure(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(federated, "STATES", (0, 20))
    monkeypatch.setattr("sys.argv", ["open", "--quick", "--only", "federated", "--out", str(tmp_path)])

    assert command.main() == 0

    written = json.loads((tmp_path / "federated.json").read_text(encoding="utf-8"))
    assert len(written["found"]["bias"]["0.1"]) == 2
    assert "exact merge" in (tmp_path / "federated.md").read_text(encoding="utf-8")
    assert (tmp_path / "federated.png").stat().st_size > 10_000


def test_an_unknown_question_is_refused_with_those_there_are(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["open", "--only", "politics", "--out", str(tmp_path / "out")])

    with pytest.raises(SystemExit) as stop:
        command.main()

    assert stop.value.code == 2
    assert "'politics'; there are continual, federated" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_question_has_results_and_a_line_in_the_readme():
    readme = (OPEN / "README.md").read_text(encoding="utf-8")
    for name in command.QUESTIONS:
        for suffix in ("json", "md", "png"):
            assert (OPEN / "results" / f"{name}.{suffix}").exists(), (name, suffix)
        for place in (f"{name}.py", f"results/{name}.md", f"results/{name}.png"):
            assert f"]({place})" in readme, place
