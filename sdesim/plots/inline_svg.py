"""A figure as an SVG element of a page: text stays text, ink is the page's, the bytes are always the same."""

from __future__ import annotations

import io
import re
from typing import Any

from sdesim.io.text import for_html
from sdesim.plots.look import GROUND, NEUTRALS

FONTS = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
# A tenth of a point is a pixel's seventh; matplotlib writes six decimals.
_DECIMALS = 1
_COMMAND = re.compile(r"([MLCQZz])([^MLCQZz]*)")
# Pixels on a page for a point of the figure: text of 10 points stands at 13.3 pixels, an inch at 96.
_PIXELS = 96 / 72
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def svg(figure: Any, *, prefix: str = "", alt: str = "") -> str:
    """An ``<svg>`` element for a page or, as it is, for a file.

    Text is written as text. Ink (text, axes, black) becomes ``currentColor``, grid lines and guides a part of
    it, and white the ``--ground`` of the page (white without one), so that a dark page needs no second
    picture; data keep their colours. Nothing in it reaches outside: it has no style sheet, and its ids, made
    of what they name, begin with the prefix. The same figure gives the same bytes.

    Args:
        figure: a matplotlib Figure, or Axes of one.
        prefix: begins every id; another one for each figure of a page.
        alt: what a reader who does not see it is told.

    Returns:
        The text, from ``<svg`` to ``</svg>``; its size in pixels is that of the figure.

    Example:
        >>> page = svg(sdesim.plots.curve(run, "loss"), prefix="loss", alt="The loss falls to 0.1.")
    """
    import matplotlib

    figure = getattr(figure, "figure", figure)
    written = io.StringIO()
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "sdesim"}
    nothing: Any = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context(settings):
        figure.savefig(written, format="svg", metadata=nothing, transparent=True)
    body = written.getvalue()
    body = body[body.index(">", body.index("<svg")) + 1 :]
    # Its style sheet would hold for the whole page.
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = _short(_ids(_colours(_fonts(_rounded(body))), prefix))
    return f"{_head(figure, alt)}\n{body}\n"


def _head(figure: Any, alt: str) -> str:
    width, height = (72 * x for x in figure.get_size_inches())
    named = f'role="img" aria-label="{for_html(alt)}"' if alt else 'aria-hidden="true"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg"'
        f' width="{width * _PIXELS:.0f}" height="{height * _PIXELS:.0f}" viewBox="0 0 {width:g} {height:g}"'
        f' fill="currentColor" font-family="{FONTS}" stroke-linejoin="round" stroke-linecap="butt" {named}>'
    )


def _rounded(body: str) -> str:
    def short(number: re.Match[str]) -> str:
        text = f"{float(number[0]):.{_DECIMALS}f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text

    def places(found: re.Match[str]) -> str:
        return f'{found[1]}="{_NUMBER.sub(short, found[2])}"'

    # Not the transforms, which may scale by a small number.
    return re.sub(r'\b(d|x|y|width|height)="([^"]*)"', places, body)


def _fonts(body: str) -> str:
    """The family stands at the top once; the glyphs of a formula, each in its place, keep theirs."""
    return re.sub(r'(<text style="[^"]*?); font-family: [^;"]*', r"\1", body)


def _short(body: str) -> str:
    """Paths by differences, no turn by nothing, no empty line, no group that says nothing."""
    body = re.sub(r'\bd="([^"]*)"', lambda found: f'd="{relative(found[1])}"', body)
    body = body.replace("xlink:href", "href")
    body = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", body)
    return re.sub(r"\s*\n\s*", "\n", _flat(body)).strip()


def relative(path: str) -> str:
    """A path of absolute M, L, C, Q and Z written by differences of places, which are shorter.

    Differences are of rounded places, so that no error adds up.
    """
    out = before = ""
    x = y = start_x = start_y = 0.0
    for command, numbers in _COMMAND.findall(path):
        places = [float(v) for v in numbers.split()]
        letter = command if command == "M" else command.lower()
        if letter == "z":
            out, before = out + "z", "z"
            x, y = start_x, start_y
            continue
        origin = (0.0, 0.0) if letter == "M" else (x, y)
        words = [_short_number(v - origin[k % 2]) for k, v in enumerate(places)]
        # Lines that follow one another need no second letter, numbers with a sign no gap.
        out += (letter if letter != before or letter == "M" else " ") + " ".join(words)
        before = letter
        x, y = places[-2:]
        if letter == "M":
            start_x, start_y = x, y
    return out.replace(" -", "-")


def _short_number(value: float) -> str:
    text = f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else re.sub(r"^(-?)0\.", r"\1.", text)


def _colours(body: str) -> str:
    def themed(found: re.Match[str]) -> str:
        role, colour = found[1], found[2].lower()
        if colour == GROUND:
            return f"{role}: var(--ground, {GROUND})"
        if colour not in NEUTRALS:
            return found[0]
        part = NEUTRALS[colour]
        return f"{role}: currentColor" + (f"; {role}-opacity: {part:g}" if part < 1 else "")

    return re.sub(r"\b(fill|stroke): (#[0-9A-Fa-f]{6})\b", themed, body)


def _ids(body: str, prefix: str) -> str:
    """Only what is referred to keeps an id: the prefix and its number."""
    used = dict.fromkeys(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    names = {name: f"{prefix}{k}" for k, name in enumerate(used)}

    def kept(found: re.Match[str]) -> str:
        return f' id="{names[found[1]]}"' if found[1] in names else ""

    body = re.sub(r' id="([^"]*)"', kept, body)
    return re.sub(r'(url\(#|href="#)([^)"]+)', lambda found: found[1] + names[found[2]], body)


def _flat(body: str) -> str:
    """Without the groups that say nothing."""
    out, closing = [], []
    for part in re.split(r"(<g>|<g [^>]*>|</g>)", body):
        if part.startswith("<g"):
            closing.append("" if part == "<g>" else "</g>")
            out.append("" if part == "<g>" else part)
        else:
            out.append(closing.pop() if part == "</g>" else part)
    return "".join(out)
