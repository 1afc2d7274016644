"""The examples of README and guide run as they stand."""

import re
from pathlib import Path

import sdesim
from sdesim.scenario import parse_scenario

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "guides" / "simulating.md").read_text(encoding="utf-8")


TRAINING = (ROOT / "docs" / "guides" / "training.md").read_text(encoding="utf-8")


def blocks(language, text=TEXT):
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def test_the_three_doors_open_and_the_exit_time_is_the_exact_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spaces = []
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), space := {})
        spaces.append(space)

    # The mean by quadrature, with the 95% interval of a fixed seed; a step of 0.01 is minded.
    found = sdesim.exit_statistics(spaces[0]["run"]).mean
    assert found.low < 30.8 < found.high
    assert spaces[1]["monitor"] is not None
    spaces[1]["monitor"].close()
    assert capsys.readouterr().out.splitlines()[-1].startswith("loss")


def test_the_readme_is_a_page_or_two():
    assert len(TEXT.splitlines()) <= 150


def test_the_guides_examples_print_what_the_guide_says(capsys):
    for code in blocks("python", GUIDE):
        exec(compile(code, "simulating.md", "exec"), {})

    printed = capsys.readouterr().out.split("\n")
    second_moment, share = map(float, printed[:2])
    # P(x² > y) falls as y^(-3/2): no variance, so only the order of size is held.
    assert 0.5 < second_moment < 3.0
    # Of a million draws; F(0) = 0.43751 by inversion of the characteristic function, 1 s.e. = 0.0005.
    assert abs(share - 0.43751) < 0.0025


def test_the_guide_names_every_scheme():
    assert all(f"`{name}`" in GUIDE for name in sdesim.SCHEMES)


def test_the_training_guides_examples_run(capsys):
    names = [parse_scenario(text).name for text in blocks("yaml", TRAINING)]
    assert names == ["my-grokking", "my-stages", "my-mixture", "my-clients"]
    for code in blocks("python", TRAINING):
        exec(compile(code, "training.md", "exec"), {})

    # 40·30 and 30·10 weights, a fifth of each left, and 40 biases.
    assert capsys.readouterr().out.split()[-1] == str(240 + 60 + 40)


def test_the_stable_pages_examples_run_and_hold(capsys):
    text = (ROOT / "docs" / "guides" / "stable.md").read_text(encoding="utf-8")
    for code in blocks("python", text):
        exec(compile(code, "stable.md", "exec"), {})

    # The interval of a fit at a fixed seed.
    assert "True A² =" in capsys.readouterr().out


def test_the_fits_pages_examples_run(capsys):
    space = {}
    for code in blocks("python", (ROOT / "docs" / "guides" / "fits.md").read_text(encoding="utf-8")):
        exec(compile(code, "fits.md", "exec"), space)

    # The rate is 2, the probability that the interval of a fixed seed misses it 5%.
    assert space["fit"].rate.low < 2 < space["fit"].rate.high
    assert "(39 bootstrap samples)" in capsys.readouterr().out


def test_the_training_tools_examples_run_and_print_a_state_and_the_critical_batch(capsys):
    text = (ROOT / "docs" / "guides" / "training-tools.md").read_text(encoding="utf-8")
    for code in blocks("python", text):
        exec(compile(code, "training-tools.md", "exec"), {})

    printed = capsys.readouterr().out
    # C/C* = 0.5 lies below 0.67 by 3.3 standard errors; 1/C_1 = 160.
    assert "failing 1.00 lower the learning rate to about 0.05" in printed
    assert "1.5 to 3 times the critical batch size 160" in printed


def test_the_sweep_guides_examples_run(tmp_path, monkeypatch, capsys):
    text = (ROOT / "docs" / "guides" / "sweeps.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-sweep.yaml").write_text(blocks("yaml", text)[0], encoding="utf-8")

    for code in blocks("python", text):
        exec(compile(code, "sweeps.md", "exec"), {})

    # Four cells of a map, then the exponent: at these scales the well is left sooner than by a single jump.
    *_, exponent = capsys.readouterr().out.split()
    assert -2.5 < float(exponent) < -1.0


def test_figures_exist():
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT):
        assert (ROOT / path).is_file()


def test_the_monitoring_guides_example_runs(capsys):
    for code in blocks("python", (ROOT / "docs" / "guides" / "monitoring.md").read_text(encoding="utf-8")):
        exec(compile(code, "monitoring.md", "exec"), {})

    *_, measured, path = capsys.readouterr().out.splitlines()
    assert measured.startswith("151 ")
    assert path == "outer products weighted"


def test_the_twins_guides_example_runs(capsys):
    for code in blocks("python", (ROOT / "docs" / "guides" / "twins.md").read_text(encoding="utf-8")):
        exec(compile(code, "twins.md", "exec"), {})

    assert " is closest: " in capsys.readouterr().out


def test_the_convergence_pages_examples_run_and_hold(capsys):
    text = (ROOT / "docs" / "guides" / "convergence.md").read_text(encoding="utf-8")
    names = {}
    for code in blocks("python", text):
        shown = code.replace('found.plot().figure.savefig("orders.png")', "found.plot()")
        exec(compile(shown, "convergence.md", "exec"), names)

    # E x² = 4 e^{−2} + (1 − e^{−2})/8 and Black and Scholes' price, to five standard errors and more.
    assert abs(names["limit"].value - 0.64942) < 2.6 * (names["limit"].high - names["limit"].value)
    assert abs(names["price"].value - 0.109862) < 2.6 * 2e-4


def test_the_example_of_handing_over_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "guides" / "handing-over.md").read_text(encoding="utf-8")
    for code in blocks("python", text):
        exec(compile(code, "handing-over.md", "exec"), {})

    assert capsys.readouterr().out.splitlines() == ["True gaussian 0.1", "(300, 3)"]
    assert (tmp_path / "theta.png").stat().st_size > 0
