"""The figures that a page begins with."""

from sdesim.report.leading import asked_figures, derived_figures, leading

ALL = ("accuracy", "loss", "consolidation", "phases", "curvature", "exits", "occupancy", "weight_norm")


def summary(kinds, *quantities, stopped=0):
    status = {"finished": 10 - stopped, "stopped": stopped}
    arms = {str(k): {"kind": kind, "trajectories": 10, "status": status} for k, kind in enumerate(kinds)}
    return {"arms": arms, "expectations": [{"quantity": q} for q in quantities]}


def test_what_the_scenario_asks_for_comes_first():
    found = leading(summary(["real"], "step_when.lambda_max>19.6", "S", "twin_distance.weight_norm"), ALL)

    assert found == ["curvature", "weight_norm", "accuracy", "loss"]


def test_a_simulation_leads_with_exits_and_says_nothing_of_the_loss_of_stopped_paths():
    assert leading(summary(["simulated"]), ALL) == ["exits", "occupancy", "loss", "consolidation"]
    assert leading(summary(["simulated"], stopped=6), ALL) == ["exits", "occupancy", "consolidation"]
    assert "loss" in leading(summary(["real", "simulated"], stopped=6), ALL)


def test_only_figures_that_there_are_lead():
    assert leading(summary(["real"]), ("phases",)) == ["phases"]


def test_every_quantity_asked_for_has_its_figure():
    asked = summary(["real"], "exit_time.mean", "p since loss<1", "occupancy.flat")

    assert list(asked_figures(asked)) == ["exits", "probability", "occupancy"]


def test_p_and_the_index_are_computed_from_others():
    assert derived_figures() == {"probability", "intelligence"}
