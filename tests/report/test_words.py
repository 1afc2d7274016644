"""Numbers, intervals and names in words."""

from sdesim.report.words import condition, counted, interval, listed, number, plain


def test_numbers_are_short_and_missing_ones_a_dash():
    assert number(0.123456) == "0.1235"
    assert number(0.123456, 2) == "0.12"
    assert number(-2.0) == "−2"
    assert number(None) == "–"
    assert number(float("inf")) == "∞"
    assert (number(2.07e-5), number(-1.0114e4), number(5.994e43)) == ("2.07·10⁻⁵", "−10,110", "5.994·10⁴³")
    assert interval({"value": 1.0, "low": 0.5, "high": 2.0}) == "1 [0.5, 2]"
    assert interval({"value": 1.0, "low": None, "high": None}) == "1"
    assert interval({"value": 1.0, "low": 1.0, "high": 1.0}) == "1"


def test_counts_and_lists_are_said_as_one_would():
    assert counted(1, "simulation") == "one simulation"
    assert counted(3, "simulation") == "three simulations"
    assert counted(12, "quantity", "quantities") == "12 quantities"
    assert [listed(list(x)) for x in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_quantities_have_plain_names_and_what_is_made_of_them_too():
    assert plain("loss") == "training loss"
    assert plain("twin_distance.lambda_max") == "distance in sharpness λmax"
    assert plain("step_when.test_accuracy>0.95") == "first step with test accuracy above 0.95"
    assert condition("since train_accuracy>0.99") == "since training accuracy above 0.99"
    assert condition("test_loss<0.5") == "test loss below 0.5"
    assert condition("over C_1_merged") != "over C_1_merged"
    assert condition("over that of levy") == "over that of levy"
    assert plain("occupancy.flat") == "share of time in flat"
    assert plain("C_alpha_literal") == "signal to noise C, literal"
    assert plain("what nobody knows") == "what nobody knows"
