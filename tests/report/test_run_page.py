"""The report: self-contained, complete, escaped, and the same bytes for the same data."""

import re

import numpy as np
import pytest

import sdesim
from sdesim import events, noise, surfaces
from sdesim.comparison import compare
from sdesim.errors import RunError
from sdesim.io.files import atomic_write_json
from sdesim.plots.dashboard import FIGURES
from sdesim.report import write_report
from sdesim.report.run_page import write_page
from sdesim.runs import measure


def simulated(name, seed, kind="simulated", **settings):
    run = sdesim.simulate(
        surfaces.Quadratic([1.0, 2.0], center=1.0), noise.Gaussian(diffusion=0.02), 0.0, dt=0.05, steps=60,
        trajectories=3, learning_rate=0.1, seed=seed, name=name, progress=False,
        probes=sdesim.Probes(every=20, samples=8), **settings,
    )  # fmt: skip
    # Where the arrays came from makes no difference to anything but the colour.
    return run.assign_attrs(kind=kind)


@pytest.fixture(scope="module")
def arms():
    return {"sgd": simulated("sgd", 1, "real"), "sde <b>": simulated("sde <b>", 2)}


@pytest.fixture(scope="module")
def summary(arms):
    measured = {k: measure(r) for k, r in arms.items()}
    found = compare(arms["sde <b>"], arms["sgd"], measured=(measured["sde <b>"], measured["sgd"]))
    arm = {"kind": "real", "label": "x", "trajectories": 3, "steps": 60, "status": {"finished": 3}}
    end = {"loss": {"value": 1.0, "low": 0.5, "high": None, "flags": ["a"]}}
    expectation = {"arm": "sgd", "quantity": "final_loss", "at": "end", "condition": "below 1", "why": "w"}
    return {
        "name": "test",
        "description": "a <script>alert(1)</script> text",
        "seed": 1,
        "arms": {"sgd": arm, "sde <b>": {**arm, "kind": "simulated", "end": end}},
        "comparisons": [found.to_dict()],
        "expectations": [{**expectation, "value": 0.5, "low": 0.4, "high": 0.6, "outcome": "met"}],
        "warnings": ["careful"],
    }


@pytest.fixture(scope="module")
def page(arms, summary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    path = write_page(folder, arms, {k: measure(r) for k, r in arms.items()}, summary, "name: test", "{}")
    return path.read_text(encoding="utf-8"), folder


def test_the_page_needs_no_network(page):
    text, _ = page

    # To places in the page, and to files beside it.
    assert not re.search(r"(?:src|href)=[\"'](?!#|figures/)", text)
    assert not re.search(r"url\((?!#)", text)
    assert "@import" not in text
    assert "<link" not in text


def test_what_is_not_told_apart_says_what_would_have_been(page, summary):
    text, _ = page

    cells = summary["comparisons"][0]["quantities"].values()
    assert any(cell["power"] for cell in cells)
    for cell in cells:
        assert (cell["power"] is None) == (cell["outcome"] == "differs")
    # Once, in the verdict, and not again beside it.
    for line in re.findall(r"<li>(.*?)</li>", text):
        assert line.count("seen with probability") + line.count("sees") <= 1
    assert any("seen with probability" in line for line in re.findall(r"<li>(.*?)</li>", text))


def test_texts_are_escaped(page):
    text, _ = page

    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text
    assert "sde &lt;b&gt;" in text


def test_every_figure_has_a_title_a_caption_and_a_file(page):
    text, folder = page
    drawn = sorted(p.stem for p in (folder / "figures").glob("*.svg"))

    assert {"consolidation", "loss", "signal_noise", "phases", "curvature", "lyapunov"} <= set(drawn)
    # p and I tell nothing beside C.
    assert not {"probability", "intelligence", "distances"} & set(drawn)
    assert drawn == sorted(p.stem for p in (folder / "figures").glob("*.csv"))
    assert text.count("Data (CSV)") == len(drawn)
    for spec in FIGURES:
        if spec.name in drawn:
            assert spec.title in text
            assert len(spec.caption) > 40


def test_the_page_says_what_was_expected_compared_and_warned_of(page):
    text, _ = page

    assert 'class="badge met"' in text
    assert "<h1>The expectation is met: final training loss of sgd is 0.5 [0.4, 0.6].</h1>" in text
    assert "1 of 1 met" in text
    assert "careful" in text
    assert "name: test" in text


def test_the_matrix_has_a_cell_and_curves_for_each_independent_quantity(page, summary):
    text, _ = page
    names = summary["comparisons"][0]["independent"]

    ids = re.findall(r'<input type="radio" name="cell" id="([^"]+)"', text)
    assert ids == [f"{name}-a0" for name in sorted(names, key=lambda n: ids.index(f"{n}-a0"))]
    assert len(ids) == len(names) == 8
    for cell in ids:
        assert f'id="curves-{cell}"' in text
        assert f".hero:has(#{cell}:checked) #curves-{cell}" in text
    assert text.count(" checked>") == 1
    assert len(re.findall(r"<script>.*?</script>", text, re.DOTALL)[0]) < 30_000


def test_the_same_data_give_the_same_bytes(arms, summary, page, tmp_path):
    text, folder = page

    write_page(tmp_path, arms, {k: measure(r) for k, r in arms.items()}, summary, "name: test", "{}")

    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert (tmp_path / "figures" / "loss.svg").read_bytes() == (folder / "figures" / "loss.svg").read_bytes()


def test_a_run_without_probes_but_with_events_has_its_figures(tmp_path):
    run = sdesim.simulate(
        surfaces.DoubleWell(barrier=0.05), noise.Gaussian(diffusion=0.3), dt=0.01, steps=500,
        trajectories=40, events=[events.Exit(upper=0.5, stop=False), events.Occupancy()],
        out=tmp_path / "arm.zarr", name="arm", progress=False,
    )  # fmt: skip
    assert np.isfinite(run.exit_time.values).any()
    atomic_write_json(tmp_path / "summary.json", {"name": "events", "arms": {}})

    write_report(tmp_path)

    drawn = {p.stem for p in (tmp_path / "figures").glob("*.svg")}
    assert {"exits", "occupancy", "loss"} <= drawn
    assert "consolidation" not in drawn


def test_an_unfinished_directory_has_no_report(tmp_path):
    with pytest.raises(RunError, match="not a finished run directory"):
        write_report(tmp_path)
