"""What sdesim says when it is given no verb: what to do next."""

from __future__ import annotations

from sdesim import __version__
from sdesim.commands.listing import run_directories
from sdesim.commands.printing import print_folded, print_rows


def welcome() -> None:
    """Say what sdesim is, what to do first, and what may be done with the runs at hand."""
    print_folded(
        f"sdesim {__version__}: simulate the SDE of training, train the real network beside it, "
        "measure both alike."
    )
    runs = run_directories()
    whole = [r["directory"] for r in runs if r["complete"]]
    begun = [r["directory"] for r in runs if not r["complete"]]
    first = [] if whole else [("sdesim run double-well-escape --quick", "a first report, in seconds")]
    print("\nWhat next")
    print_rows(
        [
            *first,
            *((f"sdesim watch {d}", "how far it has come") for d in begun[:1]),
            *((f"sdesim show {d}", "what it came to") for d in whole[:1]),
            ("sdesim list", "what is shipped, with times"),
            ("sdesim new mine --like double-well-escape", "a scenario of your own"),
            ("sdesim doctor", "what is slow here, and why"),
            ("sdesim --help", "all verbs"),
        ],
        indent=2,
    )
