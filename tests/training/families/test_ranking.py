"""Families of noises are ranked from a recorded run."""

from __future__ import annotations

import numpy as np
import torch

from sdesim.training import fit_noise
from sdesim.training.families.ranking import WITH, WITHOUT, rank_families
from tests.training.families.test_correlation import path as independent
from tests.training.twinning.recorded_runs import recorded


def test_a_recorded_run_has_the_covariance_of_its_minibatches():
    ranking = fit_noise(recorded()).families

    assert ranking.best.covariance == "full"
    assert ranking.best.behind == (0.0, 0.0, 0.0)
    assert [f.score for f in ranking.order] == sorted((f.score for f in ranking.order), reverse=True)
    none = ranking.order[-1]
    assert (none.covariance, none.score, none.tied) == ("none", -np.inf, False)
    assert sum(f.first for f in ranking.order) == 1.0
    assert ranking.flags == ("few_seeds",)
    # 60 steps are saved at four points.
    assert any("32 saved points" in note for note in ranking.notes)
    assert len(ranking.to_table()) == len(ranking.order) == 7
    assert ranking.verdict.startswith("full")
    assert "held-out" in repr(ranking)


def test_the_order_does_not_depend_on_the_run_having_been_read_before():
    run = recorded(lambda p: torch.optim.SGD(p, lr=0.05))

    first, again = rank_families(run), rank_families(run.load())

    assert first == again
    assert all(f.correlation not in (WITH, WITHOUT) for f in first.order)


def test_epochs_that_a_path_hides_are_flagged():
    # Drawn with replacement, but the run says otherwise.
    run = recorded().assign_attrs(sampling="epoch")
    found = independent(False).assign_attrs(sampling="epoch")
    held = run.drop_vars(["theta", "theta_projection", "learning_rate"]).drop_dims("step")
    mixed = held.isel(direction=slice(8)).merge(found).assign_attrs(found.attrs)

    assert "epochs_hidden" in rank_families(mixed).flags
    assert "epochs_hidden" not in rank_families(mixed.assign_attrs(sampling="with-replacement")).flags
