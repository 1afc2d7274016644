"""What a scenario file may say, and what is answered when it says something else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim.errors import ScenarioError
from sdesim.noise import Multiplicative
from sdesim.scenario import (
    Scenario,
    load_scenario,
    parse_scenario,
    resolved_yaml,
    shipped_scenarios,
    validate_scenario,
)
from sdesim.scenario.assemble import probes_of

GOOD = """\
name: small
seed: 3
arms:
  sde:
    simulate:
      surface: {kind: double-well, barrier: 0.25}
      noise:
        - {kind: gaussian, diffusion: 0.1}
        - {kind: stable, alpha: 1.5, scale: 0.05}
      dt: 1e-3
      steps: 100_000
      events: [{kind: exit, upper: 0}]
probes: {every: 1000, samples: 16}
expect:
  - {arm: sde, quantity: exit_time.mean, above: 1}
quick:
  arms.sde.simulate.steps: 100
  expect: []
"""
GAUSSIAN_ONLY = GOOD.replace("        - {kind: stable, alpha: 1.5, scale: 0.05}\n", "")
REAL = """\
name: pair
arms:
  real:
    train:
      data: {kind: digits, train: 100, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 10}
      steps: 20
  twin:
    simulate:
      twin_of: real
      noise: [{kind: gaussian, match: trace}]
probes: {every: 10}
"""


STAGES = """\
name: stages
arms:
  first:
    train:
      data: {kind: digits, train: 100, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 50}
      steps: 20
      trajectories: 2
  second:
    train:
      data: {kind: digits, train: 100, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 5}
      start_from: first
      steps: 20
      trajectories: 2
  twin:
    simulate: {twin_of: second, trajectories: 2}
"""


def refused(text: str, **options: object) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "file.yaml", **options)
    return str(caught.value).splitlines()


def changed(old: str, new: str, base: str = GOOD) -> str:
    assert base.count(old) == 1
    return base.replace(old, new)


def test_numbers_may_be_written_as_1e_minus_3_and_100_000():
    simulate = parse_scenario(GOOD).arms["sde"].simulate

    assert simulate.dt == 1e-3
    assert simulate.steps == 100_000
    assert isinstance(simulate.steps, int)


def test_a_whole_number_may_be_written_with_an_exponent():
    scenario = parse_scenario(changed("100_000", "1e5"))

    assert scenario.arms["sde"].simulate.steps == 100_000


def test_an_anchor_stands_for_what_it_names():
    text = changed("{kind: double-well, barrier: 0.25}", "&well {kind: double-well, barrier: 0.25}")
    text = text.replace("probes:", "  again:\n    simulate: {surface: *well, dt: 1, steps: 1}\nprobes:")

    scenario = parse_scenario(text)

    assert scenario.arms["again"].simulate.surface == scenario.arms["sde"].simulate.surface


PATHS = {"SIM": "arms.sde.simulate", "TRAIN": "arms.real.train", "TWIN": "arms.twin.simulate"}


def spelt_out(line: int, message: str) -> str:
    start, dot, rest = message.partition(".") if "." in message else message.partition(":")
    return f"file.yaml:{line}: {PATHS.get(start, start)}{dot}{rest}"


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


WRONG_REAL = [
    ("[64, 8, 10]", "[63, 8, 10]", 6, "TRAIN.network.widths[0]: found 63, allowed: 64, the features"),
    ("[64, 8, 10]", "[64, 8, 9]", 6, "TRAIN.network.widths[2]: found 9, allowed: 10, the classes"),
    ("batch_size: 10", "batch_size: 101", 7, "TRAIN.optimizer.batch_size: found 101, allowed: 1 to"),
    ("batch_size: 10", "nesterov: true", 7, "TRAIN.optimizer.nesterov: nesterov needs a momentum"),
    ("kind: sgd", "kind: sgdm", 7, "TRAIN.optimizer.kind: found 'sgdm', allowed: adam, ada"),
    ("test: 50", "test: 1700", 5, "TRAIN.data.train: found 1800 with test, allowed: at most 1797"),
    ("test: 50", "test: 50, classes: [1, 1]", 5, "TRAIN.data.classes: found [1, 1], allowed: diff"),
    ("steps: 20", "steps: 20\n      schedule: cosin", 9, "TRAIN.schedule: found 'cosin', allowed: "),
    ("steps: 20", "steps: 20\n      schedule: {kind: step}", 9, "TRAIN.schedule.every: missing"),
    (
        "steps: 20",
        "steps: 20\n      schedule: {kind: cosine, warmup: 20}",
        9,
        "TRAIN.schedule.warmup: found 20, allowed: 0 to 19, fewer than the steps",
    ),
    ("widths: [64, 8, 10]", "widths: [64, 8, 10], init: he", 6, "TRAIN.network.init: found 'he'"),
    ("kind: sgd, lr: 0.1", "kind: sgd, lr: 0.1, dampening: 1", 7, "TRAIN.optimizer.dampening: found 1, allo"),
    (
        "steps: 20",
        "steps: 20\n      prune: {rule: magnitude, sparsity: 1, steps: 5}",
        9,
        "TRAIN.prune.sparsity: found 1, allowed: a number below 1",
    ),
    (
        "steps: 20",
        "steps: 20\n      prune: {rule: magnitude, sparsity: 0.5}",
        9,
        "TRAIN.prune: magnitude pruning needs steps",
    ),
    (
        "steps: 20",
        "steps: 20\n      prune: {rule: one-shot, sparsity: 0.5, steps: 5, rounds: 2}",
        9,
        "TRAIN.prune: one-shot pruning takes rounds: 1, found 2",
    ),
    ("twin_of: real", "twin_of: reel", 11, "TWIN.twin_of: found 'reel', not a real arm, did"),
    ("twin_of: real", "twin_of: real\n      theta0: [1]", 12, "TWIN.theta0: found 1 numbers, allowed: 610"),
    ("twin_of: real", "twin_of: real\n      events: [{kind: occupancy}]", 12, "TWIN.events[0]: occupancy"),
    ("probes: {every: 10}", "", 12, "TWIN.noise[0].match: match needs probes of the gradients of real"),
    ("every: 10", "every: 10, estimators: [curvature]", 12, "TWIN.noise[0].match: match needs"),
    ("match: trace", "factor: [[1], [2]]", 12, "TWIN.noise[0]: factor is for 2 coordinates"),
    ("probes:", "compare: {reference: twin}\nprobes:", 13, "compare.reference: found 'twin', not a real arm"),
    ("probes:", "compare: {quantities: [los]}\nprobes:", 13, "compare.quantities[0]: found 'los'"),
    (
        "probes: {every: 10}",
        "    probes: {every: 9, estimators: [curvature]}\ncompare: {quantities: [S, p]}\nprobes: {every: 9}",
        14,
        "compare.quantities[1]: p needs probes of twin with estimators: [gradient]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG_REAL)
def test_fields_of_a_real_arm_and_its_twin_must_fit_one_another(old, new, line, message):
    parse_scenario(REAL)

    assert refused(changed(old, new, REAL))[0].startswith(spelt_out(line, message))


SECOND = "arms.second.train.start_from"
WRONG_STAGES = [
    ("start_from: first", "start_from: second", 15, f"{SECOND}: found 'second', allowed: a real arm that"),
    ("start_from: first", "start_from: twin", 15, f"{SECOND}: found 'twin', allowed: a real arm that"),
    ("steps: 20", "steps: 20\n      save: [loss]", 16, f"{SECOND}: start_from needs theta in the save"),
    ("[64, 8, 10]", "[64, 9, 10]", 15, f"{SECOND}: first has another network, a tanh network 64-9-10"),
    ("start_from: first", "init: fresh\n      start_from: first", 16, f"{SECOND}: start_from goes with"),
    ("trajectories: 2", "trajectories: 1", 15, f"{SECOND}: first has 1 trajectories, fewer than 2"),
    ("second, trajectories: 2", "second, trajectories: 3", 19, "arms.twin.simulate.trajectories: found 3"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG_STAGES)
def test_an_arm_that_starts_from_another_needs_one_that_fits(old, new, line, message):
    parse_scenario(STAGES)

    assert refused(STAGES.replace(old, new, 1))[0].startswith(f"file.yaml:{line}: {message}")


def test_all_problems_are_told_in_the_order_of_the_file_ten_at_most():
    bad = "\n".join(f"      wrong{k}: 1" for k in range(12))

    lines = refused(changed("      dt: 1e-3", f"{bad}\n      dt: x"))

    assert len(lines) == 11
    assert [int(re.match(r"file.yaml:(\d+):", line)[1]) for line in lines[:10]] == list(range(10, 20))
    assert lines[-1] == "… and 3 more"


BROKEN = [
    ("", "file.yaml: the file is empty"),
    ("- 1\n", "file.yaml:1: found [1], allowed: the fields of a scenario"),
    ("name: [1\n", "file.yaml:2: not valid YAML"),
    ("name: a\nname: b\n", "file.yaml:2: name: the key stands here twice"),
    (
        "name: a\narms:\n  x: {train: {}}\n  x: {train: {}}\n",
        "file.yaml:4: arms.x: the key stands here twice",
    ),
    ("name: a\n? [1, 2]\n: 3\n", "file.yaml:2: : keys must be plain words"),
    ("name: a\nseed: !!binary aGk=\n", "file.yaml:2: seed: found 'aGk=' of type"),
    ("name: a\nseed: !mine 1\n", "file.yaml:2: seed: found '1' of type '!mine', allowed: plain values only"),
    ("name: a\narms: !!python/dict {}\n", "file.yaml:2: arms: found the tag"),
    ("name: &a [*a]\n", "file.yaml:1: "),
    ("name: a\n---\nname: b\n", "file.yaml"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_what_is_not_plain_yaml_is_refused_in_one_line(text, message):
    lines = refused(text)

    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_a_tag_never_runs_code(tmp_path):
    proof = tmp_path / "ran"
    call = "!!python/object/apply:pathlib.Path"
    text = f"name: a\narms: {call}.touch [{call} ['{proof}']]\n"

    refused(text)

    assert not proof.exists()


def test_aliases_that_multiply_without_end_are_refused_soon():
    levels = "\n".join(f"l{k}: &l{k} [{', '.join([f'*l{k - 1}'] * 9)}]" for k in range(1, 12))

    assert "aliases make the file endless or too large" in refused(f"l0: &l0 [x]\n{levels}\n")[0]


def test_set_overrides_a_field_inside_a_list():
    scenario = parse_scenario(GOOD, overrides={"arms.sde.simulate.noise[1].alpha": "1.8"})

    assert scenario.arms["sde"].simulate.noise[1].alpha == 1.8


def test_multiplicative_noise_is_read_and_made():
    text = changed("{kind: gaussian, diffusion: 0.1}", "{kind: multiplicative, scale: [0.5]}")

    part = parse_scenario(text).arms["sde"].simulate.noise[0]

    assert part == Multiplicative([0.5])


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("heun", "Heun()"),
        ("baoab", "BAOAB(friction=1.0)"),
        ("{kind: baoab, friction: 2}", "BAOAB(friction=2.0)"),
        ("{kind: heavy-ball, momentum: 0.5, nesterov: true}", "HeavyBall(momentum=0.5, nesterov=True)"),
    ],
)
def test_a_scheme_is_a_name_or_a_kind_with_its_parameters(written, made):
    text = changed("      dt: 1e-3\n", f"      dt: 1e-3\n      scheme: {written}\n", base=GAUSSIAN_ONLY)

    assert repr(parse_scenario(text).arms["sde"].simulate.scheme) == made


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("eulr", ": found 'eulr', allowed: baoab, euler-maruyama, "),
        ("{kind: baoab, friction: 0}", ".friction: found 0, allowed: a number above 0"),
        ("{kind: sra2}", ".kind: found 'sra2', allowed: baoab, euler-maruyama, "),
        ("sra1", ": scheme 'sra1' takes Gaussian noise; it can't take Lévy noise"),
    ],
)
def test_a_scheme_that_is_unknown_or_cannot_take_the_noise_is_refused_at_its_line(written, message):
    text = changed("      dt: 1e-3\n", f"      dt: 1e-3\n      scheme: {written}\n")

    (line,) = refused(text)

    assert line.startswith(f"file.yaml:11: arms.sde.simulate.scheme{message}")


def test_tempering_and_method_of_stable_noise_reach_the_noise():
    text = changed("alpha: 1.5, scale: 0.05", "alpha: 1.5, scale: 0.05, tempering: 2, method: inversion")

    noise = parse_scenario(text).arms["sde"].simulate.noise[1]

    assert (noise.tempering, noise.method) == (2.0, "inversion")


def test_set_takes_yaml_values_and_plain_python_ones():
    scenario = parse_scenario(GOOD, overrides={"probes": "{every: 7}", "seed": 11, "description": "'12'"})

    assert (scenario.probes.every, scenario.seed, scenario.description) == (7, 11, "12")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("arms.sde.simulate.stepz", "1", ": unknown field, did you mean 'steps'?"),
        ("arms.sde.simulate.dt", "x", ": found 'x', allowed: a number above 0"),
        ("arms.sdee.simulate.dt", "1", ": arms.sdee: not there, did you mean 'sde'?"),
        (
            "arms.sde.simulate.noise[2].alpha",
            "1",
            ": arms.sde.simulate.noise[2]: no such position, the list has 2",
        ),
        ("seed.x", "1", ": seed holds a plain value"),
        ("probes", "[", ":1: not valid YAML"),
    ],
)
def test_a_wrong_set_is_named_as_such(path, value, message):
    assert refused(GOOD, overrides={path: value})[0].startswith(f"--set {path}{message}")


def test_a_set_without_a_path_is_refused():
    assert refused(GOOD, overrides={"arms..sde": "1"})[0].startswith("'arms..sde' is not a path")


def test_quick_applies_the_files_own_small_sizes_and_set_wins_over_it():
    assert parse_scenario(GOOD, quick=True).arms["sde"].simulate.steps == 100
    assert parse_scenario(GOOD, quick=True).expect == []
    both = parse_scenario(GOOD, "file.yaml", {"arms.sde.simulate.steps": "50"}, True)
    assert both.arms["sde"].simulate.steps == 50


def test_a_missing_file_and_an_unknown_name_are_refused_with_the_nearest_name():
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml: no such file"):
        load_scenario("nowhere.yaml")
    with pytest.raises(ScenarioError, match="did you mean 'quickstart'"):
        load_scenario("quickstar")


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")

    with pytest.raises(ScenarioError, match="can't be read"):
        load_scenario(path)


def test_a_scenario_made_in_python_is_checked_by_the_same_rules():
    model = parse_scenario(GOOD).model_dump()
    model["arms"]["sde"]["simulate"]["theta0"] = [1.0, 2.0]
    scenario = Scenario.model_validate(model)

    with pytest.raises(ScenarioError, match=r"^small: arms\.sde\.simulate\.theta0: found 2 numbers"):
        validate_scenario(scenario)


@pytest.mark.parametrize("name", sorted(shipped_scenarios()))
@pytest.mark.parametrize("quick", [False, True])
def test_a_resolved_scenario_reads_back_as_itself(name, quick):
    scenario = load_scenario(name, quick=quick)

    again = parse_scenario(resolved_yaml(scenario))

    assert again == scenario.model_copy(update={"quick": {}})


numbers = st.floats(min_value=1e-300, max_value=1e300)
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=20)


@settings(max_examples=60, deadline=None)
@given(dt=numbers, tilt=st.floats(-0.3, 0.3), seed=st.integers(0, 2**63 - 1), words=texts)
def test_any_number_and_text_survives_dumping_and_reading(dt, tilt, seed, words):
    model = parse_scenario(GOOD).model_dump(exclude={"quick"})
    model["seed"], model["description"] = seed, words
    model["arms"]["sde"]["simulate"]["dt"] = dt
    model["arms"]["sde"]["simulate"]["surface"]["tilt"] = tilt
    scenario = Scenario.model_validate(model)

    assert parse_scenario(resolved_yaml(scenario)) == scenario


def test_every_shipped_scenario_says_what_it_shows_and_expects():
    assert {"quickstart", "double-well-escape", "flat-vs-sharp", "kesten-tail"} <= set(shipped_scenarios())
    for name, path in shipped_scenarios().items():
        scenario = load_scenario(path)

        assert scenario.name == name == Path(path).stem
        assert scenario.description
        assert scenario.expect
        assert scenario.quick


DATA = "data: {kind: digits, train: 60, test: 0, classes: [3, 8]}"
SURFACES = [
    ("kind: rough, dim: 3, hurst: 0.4, octaves: 6, amplitude: 0.2", "Rough", 3),
    ("kind: rosenbrock, dim: 5", "Rosenbrock", 5),
    ("kind: styblinski", "Styblinski", 2),
    ("kind: product, depth: 4", "Product", 4),
    ("kind: least-squares, A: [[1, 0], [0, 2], [1, 1]], b: [1, 2, 3], ridge: 0.1", "LeastSquares", 2),
    (f"kind: random-features, features: 7, {DATA}", "RandomFeatures", 7),
    ("kind: masked, surface: {kind: double-well, dim: 5}, keep: 0.4, seed: 1", "Masked", 2),
    ("kind: masked, surface: {kind: styblinski, dim: 3}, coordinates: [0, 2]", "Masked", 2),
    (
        f"kind: masked, keep: 0.5, values: 0, surface: {{kind: random-features, features: 8, {DATA}}}",
        "Masked",
        4,
    ),
]


@pytest.mark.parametrize(("text", "kind", "dim"), SURFACES)
def test_every_surface_of_the_library_can_be_named_in_a_scenario(text, kind, dim):
    whole = changed("{kind: double-well, barrier: 0.25}", f"{{{text}}}")

    surface = parse_scenario(whole).arms["sde"].simulate.surface

    assert type(surface).__name__ == kind
    assert surface.dim == dim


def test_labels_of_random_features_become_signs_and_minibatch_noise_fits_surfaces_with_examples():
    noise = changed(
        "{kind: gaussian, diffusion: 0.1}", "{kind: minibatch, batch_size: 4, learning_rate: 0.1}"
    )
    surface = f"{{kind: random-features, features: 7, {DATA}}}"

    scenario = parse_scenario(changed("{kind: double-well, barrier: 0.25}", surface, noise))

    built = scenario.arms["sde"].simulate.surface
    assert set(built.b) == {-1.0, 1.0}
    assert refused(noise)[0].endswith(
        "minibatch noise needs a surface that is a mean over examples: kind mlp, or twin_of"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: masked, surface: {kind: flat, dim: 2}", "give exactly one of keep and coordinates"),
        (
            "kind: masked, surface: {kind: flat, dim: 2}, coordinates: [2]",
            r"coordinates\[0\]: found 2, allowed: 0 to 1",
        ),
        ("kind: masked, surface: {kind: flat, dim: 2}, coordinates: []", "at least one coordinate"),
        (
            "kind: masked, surface: {kind: flat, dim: 2}, keep: 1, values: [1]",
            "values: found 1 num",
        ),
        ("kind: rough, dim: 1, hurst: 1.5", "hurst"),
        ("kind: least-squares, A: [[1, 2]], b: [1, 2]", r"b: found shape \(2,\), allowed: \(1,\)"),
        (
            "kind: random-features, features: 3, data: {kind: digits, classes: [1, 1]}",
            "different digits from 0 to 9",
        ),
    ],
)
def test_surfaces_that_can_not_be_built_are_refused_where_they_stand(text, words):
    lines = refused(changed("{kind: double-well, barrier: 0.25}", f"{{{text}}}"))

    assert re.search(words, lines[0])
    assert "file.yaml:6" in lines[0] or "surface" in lines[0]


def test_probes_of_a_scenario_can_follow_a_tangent():
    scenario = parse_scenario(REAL.replace("{every: 10}", "{every: 10, tangent: true}"))
    arm = next(iter(scenario.arms.values()))

    assert probes_of(scenario, arm).tangent


KINDS_OF_DATA = [
    ("{kind: digits, train: 50, test: 20, classes: [1, 7, 2]}", 50, 20),
    ("{kind: mnist-1d, train: 50, test: 20, label_noise: 0.1}", 50, 20),
    ("{kind: modular-addition, p: 5, fraction: 0.5}", 12, 13),
    ("{kind: permutations, n: 3, fraction: 0.5}", 18, 18),
    ("{kind: teacher-student, train: 30, test: 10, features: 4, outputs: 2, noise: 0.1}", 30, 10),
    ("{kind: teacher-student, task: classification, train: 30, test: 0, outputs: 3}", 30, 0),
    ("{kind: chebyshev, degree: 3, points: 7}", 7, 0),
]


@pytest.mark.parametrize(("text", "train", "test"), KINDS_OF_DATA)
def test_every_data_set_can_be_named_and_is_as_large_as_its_model_says(text, train, test):
    text = f"kind: random-features, features: 3, data: {text}".replace("outputs: 2", "outputs: 1")
    whole = changed("{kind: double-well, barrier: 0.25}", f"{{{text}}}")
    model = parse_scenario(whole).arms["sde"].simulate.surface.data

    data = model.load()

    assert (len(data.x_train), len(data.x_test)) == (train, test)
    assert (model.features, model.outputs, model.examples) == (data.features, data.outputs, train)
    assert model.labelled == data.labelled


WRONG_DATA = [
    ("kind: mnist1d", "TRAIN.data.kind: found 'mnist1d', allowed: arrays, "),
    ("kind: mnist-1d", "TRAIN.network.widths[0]: found 64, allowed: 40, the features of the data"),
    ("kind: permutations, n: 6", "TRAIN.data.n: found 6, allowed: a number of at most 5"),
    ("kind: permutations, fraction: 1e-5", "TRAIN.data.fraction: found 1e-05 of 14400 pairs, allowed: a"),
    (
        "kind: teacher-student, label_noise: 0.1",
        "TRAIN.data.label_noise: found 0.1, allowed: 0 for t",
    ),
    ("kind: teacher-student, features: 64, outputs: 10", "TRAIN.loss: found 'cross_entropy', allowed: mse"),
    ("kind: teacher-student, features: 64", "TRAIN.network.widths[2]: found 10, allowed: 1, the targets"),
]


@pytest.mark.parametrize(("kind", "message"), WRONG_DATA)
def test_data_must_fit_the_network_and_the_loss(kind, message):
    lines = refused(changed("kind: digits, train: 100, test: 50", kind, REAL))

    wanted = spelt_out(5, message).partition(": ")[2]
    assert any(line.partition(": ")[2].startswith(wanted) for line in lines)
