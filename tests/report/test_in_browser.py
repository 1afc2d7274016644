"""The page in a real browser: a silent console, nothing cut at 375 or 1440 pixels, the keyboard, no blank."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from matplotlib.image import imread

import sdesim
from sdesim import events, noise, surfaces
from sdesim.plots.grounded import Ground
from sdesim.report import write_monitor_report
from sdesim.report.run_page import write_page
from sdesim.runs import measure
from tests.report.test_monitor_page import watched
from tests.report.test_run_page import arms as arms
from tests.report.test_run_page import summary as summary
from tests.report.test_sweep_page import write_swept

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

# What is looked at in a frame as wide as a screen; the answer is left in the title of the page around it.
LOOK = """
const frame = document.querySelector("iframe");
frame.addEventListener("load", () => {
  const page = frame.contentDocument, wide = page.documentElement;
  const shown = () => [...page.querySelectorAll(".curves > figure")]
    .filter((f) => frame.contentWindow.getComputedStyle(f).display !== "none").map((f) => f.id);
  const walk = [];
  for (const key of [...Array(7).fill("ArrowUp"), "ArrowDown"]) {
    page.querySelector("input:checked").dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
    walk.push(shown().join());
  }
  const outside = [...page.querySelectorAll("main > :not(.wide)")].map((e) => e.getBoundingClientRect())
    .filter((box) => box.right > wide.clientWidth + 1).length;
  document.title = JSON.stringify({scroll: wide.scrollWidth, width: wide.clientWidth, outside, walk});
});
"""


@pytest.fixture(scope="module")
def folder(arms, summary, tmp_path_factory):
    place = tmp_path_factory.mktemp("browser")
    write_page(place, arms, {k: measure(r) for k, r in arms.items()}, summary, "name: test", "{}")
    return place


def browse(folder, address, *options):
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--hide-scrollbars", "--enable-logging=stderr", "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'profile'}", *options, f"file://{address}",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.parametrize("width", [375, 1440])
def test_nothing_is_cut_the_console_is_silent_and_arrows_move_between_cells(folder, width):
    around = folder / f"around{width}.html"
    frame = f'<iframe src="report.html" style="border: 0; width: {width}px; height: 900px"></iframe>'
    around.write_text(f"<!doctype html><body>{frame}<script>{LOOK}</script>", encoding="utf-8")

    done = browse(folder, around, "--virtual-time-budget=4000", "--window-size=1500,1000", "--dump-dom")

    assert "CONSOLE" not in done.stderr
    found = json.loads(re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)[1].replace("&gt;", ">"))
    assert found["width"] == width
    assert found["scroll"] <= width
    assert found["outside"] == 0
    # Each step shows one figure; the way up ends at the first row, and down leads to the second.
    assert all(step.count("curves-") == 1 for step in found["walk"])
    assert found["walk"][-3] == found["walk"][-2] != found["walk"][-1]


@pytest.fixture(scope="module")
def simulated_alone(tmp_path_factory):
    place = tmp_path_factory.mktemp("simulated")
    well = surfaces.DoubleWell(barrier=0.05)
    run = sdesim.simulate(
        well, noise.Gaussian(diffusion=0.3), dt=0.01, steps=500, trajectories=40, save_every=10,
        events=[events.Exit(upper=0.5, stop=False), events.Occupancy()], name="arm", progress=False,
    )  # fmt: skip
    status = {"finished": 40}
    arms = {"arm": {"kind": "simulated", "label": "x", "trajectories": 40, "status": status}}
    write_page(place, {"arm": run}, {}, {"name": "a", "arms": arms}, grounds={"arm": Ground(well, 0.3)})
    return place


@pytest.fixture(scope="module")
def monitored(tmp_path_factory):
    place = tmp_path_factory.mktemp("monitored")
    write_monitor_report(watched()[1], place)
    return place


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    place = tmp_path_factory.mktemp("swept")
    return write_swept(place).parent


@pytest.mark.parametrize(
    ("kind", "theme"),
    [
        ("folder", "light"),
        ("folder", "dark"),
        ("simulated_alone", "light"),
        ("monitored", "dark"),
        ("swept", "light"),
    ],
)
def test_the_first_screen_of_every_kind_of_page_is_not_blank(request, kind, theme):
    folder = request.getfixturevalue(kind)
    picture = folder / f"{theme}.png"
    setting = f"--blink-settings=preferredColorScheme={0 if theme == 'dark' else 1}"

    done = browse(
        folder, folder / "report.html", "--window-size=1440,900", f"--screenshot={picture}", setting
    )

    assert "CONSOLE" not in done.stderr
    pixels = np.asarray(imread(picture))[..., :3]
    ground = pixels[0, 0]
    assert (ground.mean() < 0.5) == (theme == "dark")
    assert 0.02 < (np.abs(pixels - ground).max(axis=-1) > 0.1).mean() < 0.9
