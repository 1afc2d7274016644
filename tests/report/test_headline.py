"""The answer in one sentence: it never says more than the verdicts."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim.report.headline import effect, headline, sweep_headline, tally
from sdesim.report.words import plain
from sdesim.runs.quantities import independent, names

OUTCOMES = ("differs", "undecided", "indistinguishable")
QUANTITIES = names(lambda row: row.compared and not row.words)


def cell(outcome, seeds=8):
    power = None if outcome == "differs" else {"difference": 1.5, "probability": 0.9}
    return {
        "outcome": outcome, "distance": 2.0, "effect": [2.0, 1.5, 3.0], "effect_kind": "ratio",
        "real": {"n": seeds}, "power": power,
    }  # fmt: skip


def comparison(simulated, outcomes, seeds=8):
    return {
        "simulated": simulated,
        "real": "sgd",
        "quantities": {name: cell(outcome, seeds) for name, outcome in outcomes.items()},
    }


def expectation(outcome, why="", quantity="test_accuracy"):
    return {
        "arm": "sgd", "quantity": quantity, "at": "end", "condition": "above 0.9", "value": 0.95, "low": 0.94,
        "high": 0.96, "outcome": outcome, "why": why, "reason": why,
    }  # fmt: skip


verdicts = st.dictionaries(st.sampled_from(QUANTITIES), st.sampled_from(OUTCOMES), min_size=1)
arms = st.lists(verdicts, min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(arms)
def test_the_sentence_counts_what_the_verdicts_say_and_names_nothing_else(found):
    compared = [comparison(f"sim{k}", outcomes) for k, outcomes in enumerate(found)]

    told = headline({"comparisons": compared, "arms": {}})

    counts = {c["simulated"]: tally(c) for c in compared}
    least = min(len(t["differs"]) for t in counts.values())
    best = [name for name, t in counts.items() if len(t["differs"]) == least]
    if all(not t["differs"] and not t["indistinguishable"] for t in counts.values()):
        assert told.sentence.startswith("Nothing is settled")
        assert "all verdicts are undecided" in told.sentence
        return
    named = set(re.findall(r"sim\d", told.sentence))
    assert named <= set(best)
    if named and len(set(map(repr, counts.values()))) > 1:
        total = sum(map(len, counts[best[0]].values()))
        assert f"in {least or 'none'} of {total} quantit" in told.sentence or f"of {total} q" in told.sentence
    # A quantity that is named in the sentence is told apart in an arm that is named, or in all.
    arms_meant = named or set(counts)
    allowed = {plain(q) for name in arms_meant for q in counts[name]["differs"]}
    for row in QUANTITIES:
        if plain(row) in told.sentence and not any(plain(row) in other for other in allowed - {plain(row)}):
            assert plain(row) in allowed


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(("met", "missed", "undecided")), min_size=1, max_size=8))
def test_all_are_met_only_where_all_are(outcomes):
    told = headline({"expectations": [expectation(o, f"reason {k}") for k, o in enumerate(outcomes)]})

    whole = outcomes.count("met") == len(outcomes)
    assert whole == (" met: " in told.sentence)
    if not whole:
        word = "missed" if "missed" in outcomes else "can't be decided"
        counted = str(outcomes.count("missed") or outcomes.count("undecided"))
        assert counted in told.sentence or len(outcomes) == 1
        assert word in told.sentence
        # A reason is the scenario's claim, and is said of what was met alone.
        assert "reason" not in told.sentence


def test_verdicts_are_counted_over_quantities_that_tell_something_of_their_own():
    assert independent(["lambda_max", "S", "p", "odds", "C_alpha", "loss"]) == [
        "lambda_max",
        "C_alpha",
        "loss",
    ]
    assert independent(["p", "odds"]) == ["p"]
    assert len(independent(QUANTITIES)) == 10
    found = comparison("sde", dict.fromkeys(QUANTITIES, "differs"))
    assert headline({"comparisons": [found]}).sentence == (
        "sde is told apart from real training (sgd) in 10 of 10 quantities."
    )


def test_a_best_simulation_is_named_with_what_tells_it_apart():
    rest = dict.fromkeys(("loss", "signal"), "indistinguishable")
    compared = [
        comparison("one", {**rest, "lambda_max": "differs"}),
        comparison("two", dict.fromkeys(("loss", "signal", "lambda_max"), "differs")),
    ]

    told = headline(
        {"comparisons": compared, "expectations": [expectation("met", quantity="twin_distance.loss")]}
    )

    assert told.kind == "comparison"
    assert told.sentence == (
        "Of two simulations, one is told apart from real training (sgd) the least: in 1 of 3 quantities "
        "(sharpness λmax); the other in 3."
    )
    assert told.evidence[0].startswith("Farthest off: ")
    assert told.evidence[-1] == (
        "Not told apart is not equal: of mean gradient |ḡ|² of one these seeds see a constant difference of "
        "1.5 spreads with probability 0.9."
    )


def test_ties_are_said_as_ties():
    a = comparison("a", {"loss": "differs", "signal": "undecided"})
    b = comparison("b", {"loss": "indistinguishable", "signal": "differs"})
    c = comparison("c", {"loss": "differs", "signal": "differs"})

    assert "2 are told apart" in headline({"comparisons": [a, b, c]}).sentence
    assert "none is told apart" in headline({"comparisons": [a, b]}).sentence
    same = [{**a, "simulated": name} for name in ("a", "d")]
    assert headline({"comparisons": same}).sentence.startswith("Both simulations are told apart from")


def test_few_real_seeds_settle_nothing():
    found = comparison("sde", {"loss": "undecided"}, seeds=2)

    assert "fewer than 3 real seeds give no yardstick" in headline({"comparisons": [found]}).sentence


def test_a_trial_judges_nothing_whatever_it_found():
    told = headline({"quick": True, "expectations": [expectation("met", "the sky is blue")]})

    assert told.kind == "quick"
    assert "judges nothing" in told.sentence
    assert "sky" not in told.sentence


def test_without_expectations_the_values_are_quoted_with_the_moment_that_they_are_of():
    end = {"test_accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}
    whole = {"exit_time.mean": {"value": 12.0, "low": 10.0, "high": 15.0}}

    trained = headline({"arms": {"a": {"kind": "real", "end": end}}})
    alone = headline({"arms": {"b": {"kind": "simulated", "whole": whole}}})

    assert (trained.kind, alone.kind) == ("training", "simulation")
    assert trained.sentence == "Test accuracy of a at the end is 0.9 [0.8, 0.95]."
    assert alone.sentence == "Mean exit time of b is 12 [10, 15]."
    assert headline({"arms": {"c": {"kind": "simulated"}}}).sentence.startswith("One arm ran to the end")


def test_a_difference_whose_interval_holds_one_says_why_it_differs():
    found = {**cell("differs"), "effect": [1.02, 0.9, 1.1]}

    assert effect(cell("differs")) == "2 [1.5, 3] times the real one"
    assert effect(found) == "alike on average (1 [0.9, 1.1] times the real one), but not at all times"
    assert effect({**found, "effect": [1.0014, 1.0012, 1.0016]}) == "1.001 [1.001, 1.002] times the real one"
    lower = {**found, "effect": [-2.0, -3.0, -1.0], "effect_kind": "difference"}
    assert effect(lower) == "2 [1, 3] below the real one"


def test_a_value_that_only_a_bound_is_known_of_says_the_bound():
    unknown = {**expectation("met", quantity="exit_time.mean"), "value": None, "low": 500.0, "high": None}

    assert headline({"expectations": [unknown]}).sentence == (
        "The expectation is met: mean exit time of sgd is above 500."
    )


def test_a_ratio_is_told_of_the_arm_over_the_other():
    ratio = expectation("met", quantity="exit_time.mean over that of fine")

    assert headline({"expectations": [ratio]}).sentence == (
        "The expectation is met: mean exit time of sgd over that of fine is 0.95 [0.94, 0.96]."
    )


def test_a_sweep_counts_outcomes_and_quotes_its_laws():
    law = {
        "quantity": "exit_time.mean", "arm": "escape", "axis": "scale", "held": "alpha = 1.4", "value": -1.4,
        "low": -1.5, "high": -1.3, "flags": ["scatter"],
    }  # fmt: skip
    points = [{"name": str(k), "state": "finished", "outcomes": [o]} for k, o in enumerate(["met", "missed"])]
    axes = [{"label": "scale", "values": [0.2, 0.4]}]

    told = sweep_headline({"points": points, "axes": axes, "fits": [law]})

    assert told.sentence == (
        "Over 2 points of scale (2), what the scenario expects: 1 of 2 outcomes met and 1 missed."
    )
    assert told.evidence == (
        "The mean exit time of escape goes as scale to the power −1.4 [−1.5, −1.3] at alpha = 1.4 (scatter).",
    )
    failed = [{**points[0], "outcomes": [], "state": "failed"}]
    only = sweep_headline({"points": failed, "axes": axes, "fits": [law]})
    assert only.sentence.startswith("Over 1 point of scale (2), the mean exit time")
    assert only.evidence == ("One point could not be run: 0.",)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(("met", "missed", "undecided", "failed")), min_size=1, max_size=6))
def test_a_sweep_says_what_it_expects_only_where_all_of_it_is_met_at_every_point(outcomes):
    points = [
        {"name": str(k), "state": "finished", "outcomes": [o]}
        if o != "failed"
        else {"name": str(k), "state": "failed"}
        for k, o in enumerate(outcomes)
    ]
    axes = [{"label": "batch_size", "values": [1] * len(outcomes)}]

    told = sweep_headline({"points": points, "axes": axes, "expected": ["the sky is blue."]})

    assert ("the sky is blue." in told.sentence) == (set(outcomes) == {"met"})
    assert "batch size" in told.sentence


def test_a_sentence_that_leaves_something_out_says_so():
    many = [expectation("met", f"{k} " + "word " * 20) for k in range(4)]

    assert headline({"expectations": many}).sentence.startswith("All 4 expectations are met, among them: 0")
    assert headline({"expectations": many[:1]}).sentence.startswith("The expectation is met: 0")


def test_moments_and_conditions_are_said_in_words():
    later = {**expectation("met", quantity="step_when.test_accuracy>0.9 since train_accuracy>0.99")}
    at = {**expectation("met", quantity="C_1"), "at": 300}

    assert headline({"expectations": [later]}).sentence == (
        "The expectation is met: first step with test accuracy above 0.9 of sgd since training accuracy "
        "above 0.99 is 0.95 [0.94, 0.96]."
    )
    assert " of sgd at step 300 is " in headline({"expectations": [at]}).sentence


def test_a_median_in_the_place_of_a_mean_is_called_one():
    loss = {"value": 0.3, "low": 0.2, "high": 0.4, "n": 9, "flags": ["mean_infinite"]}
    arms = {"sde": {"kind": "simulated", "end": {"loss": loss}}}

    told = "Median loss of sde at the end is 0.3 [0.2, 0.4] (it has no mean)."
    assert headline({"arms": arms}).sentence == told
