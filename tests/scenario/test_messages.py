"""A wrong field is named with file, line and what is allowed."""

from __future__ import annotations

import re

import pytest

from tests.scenario.files import changed, refused, spelt_out

WRONG_FIELDS = [
    ("dt: 1e-3", "dt: abc", 10, "SIM.dt: found 'abc', allowed: a number above 0"),
    ("dt: 1e-3", "dt: -1", 10, "SIM.dt: found -1, allowed: a number above 0"),
    ("dt: 1e-3", "dt: .inf", 10, "SIM.dt: found inf, allowed: a finite number"),
    ("dt: 1e-3", "dt: .nan", 10, "SIM.dt: found nan, allowed: a finite number"),
    ("steps: 100_000", "steps: 1.5", 11, "SIM.steps: found 1.5, allowed: a whole number"),
    ("steps: 100_000", "steps: yes", 11, "SIM.steps: found 'yes', allowed: a whole"),
    ("steps: 100_000", "stepz: 1", 11, "SIM.stepz: unknown field, did you mean 'steps'?"),
    ("seed: 3", "zzz: 3", 2, "zzz: unknown field, allowed: name, description, seed"),
    ("seed: 3", "sweap: {}", 2, "sweap: unknown field, did you mean 'sweep'?"),
    ("double-well, barrier", "double-wel, barrier", 6, "SIM.surface.kind: found 'double-wel'"),
    ("double-well, barrier", "double-well, barier", 6, "SIM.surface.barier: unknown field, did"),
    ("kind: double-well, ", "", 6, "SIM.surface.kind: missing"),
    ("alpha: 1.5", "alpha: 2.5", 9, "SIM.noise[1].alpha: found 2.5, allowed: a number of at"),
    ("scale: 0.05", "scale: [a]", 9, "SIM.noise[1].scale: found ['a'], allowed: a number or a"),
    ("scale: 0.05", "scale: 1, method: pinv", 9, "SIM.noise[1].method: found 'pinv', allowed"),
    ("alpha: 1.5", "alpha: 0.2, method: inversion", 9, "SIM.noise[1].method: found 'inversion', allowed"),
    ("alpha: 1.5", "alpha: 2, tempering: 1", 9, "SIM.noise[1].alpha: found 2, allowed: below 2 with"),
    ("scale: 0.05", "match: median", 9, "SIM.noise[1].structure: found 'independent', allo"),
    ("diffusion: 0.1", "diffusion: [1, 2]", 8, "SIM.noise[0]: diffusion is for 2 coordinates"),
    ("gaussian, diffusion: 0.1", "multiplicative, scale: [1, 2]", 8, "SIM.noise[0]: scale is for 2"),
    ("diffusion: 0.1", "diffusion: -1", 8, "SIM.noise[0].diffusion: found -1, allowed: numb"),
    ("diffusion: 0.1", "match: trace", 5, "SIM: noise with match needs twin_of"),
    ("diffusion: 0.1", "diffusion: 0.1, batch_size: 4", 8, "SIM.noise[0].batch_size: found 4, allowed: none"),
    ("diffusion: 0.1", "batch_size: 4", 8, "SIM.noise[0]: give exactly one of diffusion, factor, match and"),
    ("diffusion: 0.1", "gradient_variance: -1", 8, "SIM.noise[0].gradient_variance: found -1, allowed: a"),
    ("upper: 0", "upper: 0, coordinate: 1", 12, "SIM.events[0].coordinate: found 1, allowed: 0"),
    ("upper: 0", "upper: 0, lower: 1", 12, "SIM.events[0].upper: found 0, allowed: above low"),
    ("barrier: 0.25", "tilt: 9", 6, "SIM.surface.tilt: found 9, allowed: within"),
    ("dt: 1e-3", "dt: 1e-3\n      theta0: [1, 2]", 11, "SIM.theta0: found 2 numbers, allowed: 1"),
    ("arm: sde", "arm: sdee", 15, "expect[0].arm: found 'sdee', not an arm, did you mean 'sde'?"),
    ("exit_time.mean", "exit_time.men", 15, "expect[0].quantity: found 'exit_time.men', did you mean"),
    ("exit_time.mean", "occupancy.left", 15, "expect[0].quantity: occupancy.left needs an occupancy event"),
    ("exit_time.mean", "final_accuracy", 15, "expect[0].quantity: final_accuracy needs a network"),
    ("exit_time.mean", "twin_distance.loss", 15, "expect[0].quantity: twin_distance.loss needs a real arm"),
    ("exit_time.mean", "phase_fraction.asleep", 15, "expect[0].quantity: found 'phase_fraction.asleep'"),
    ("exit_time.mean, ab", "exit_time.mean, at: start, ab", 15, "expect[0].at: found 'start', allowed: end"),
    ("exit_time.mean, ab", "loss, at: 100001, ab", 15, "expect[0].at: found 100001, allowed: 0 to 100000"),
    ("exit_time.mean, ab", "loss, at: soon, ab", 15, "expect[0].at: found 'soon', allowed: start, end, a"),
    ("exit_time.mean", "step_when.loss", 15, "expect[0].quantity: found 'step_when.loss', allowed: such"),
    ("exit_time.mean", "step_when.los>1", 15, "expect[0].quantity: found 'step_when.los>1', allowed: such"),
    ("exit_time.mean", "step_when.test_loss<1", 15, "expect[0].quantity: test_loss needs a network, sde has"),
    ("exit_time.mean, a", "loss, since: loss<1, a", 15, "expect[0].since: since goes with step_when.… and"),
    ("exit_time.mean, a", "step_when.loss<1, since: loss, a", 15, "expect[0].since: found 'loss', allow"),
    ("exit_time.mean, a", "step_when.loss<1, since: test_loss<1, a", 15, "expect[0].since: test_loss"),
    ("above: 1", "above: 1, confirm: 2", 15, "expect[0].confirm: confirm goes with step_when.… and"),
    ("above: 1", "above: 1, below: 2", 15, "expect[0]: give exactly one of above, below, between and near"),
    ("above: 1", "near: 1", 15, "expect[0]: near and tolerance go together"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG_FIELDS)
def test_a_wrong_field_is_named_with_file_line_and_what_is_allowed(old, new, line, message):
    lines = refused(changed(old, new))

    assert len(lines) == 1
    assert lines[0].startswith(spelt_out(line, message))


def test_all_problems_are_told_in_the_order_of_the_file_twenty_lines_at_most():
    bad = "\n".join(f"      wrong{k}: 1" for k in range(22))

    lines = refused(changed("      dt: 1e-3", f"{bad}\n      dt: x"))

    assert len(lines) == 20
    assert [int(re.match(r"file.yaml:(\d+):", line)[1]) for line in lines[:-1]] == list(range(10, 29))
    assert lines[-1] == "… and 4 more"
