"""What the verbs of the command line share: exit codes, options, and what completes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

OK, MISSED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 3

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a field, as in arms.sde.simulate.dt=1e-3."),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Apply the file's own small sizes.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Count undecided expectations as missed.")]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", min=1, help="Threads of simulated arms; default all."),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS|N",
        help="Walk simulated arms but twins, and train seeds, on the Dask cluster there or in N processes.",
    ),
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust", metavar="MODULE", help="Let the code of this module run, for kinds written MODULE:CLASS."
    ),
]
AcceptOption = Annotated[
    bool,
    typer.Option("--accept-changes", help="Go on although code was edited since; what is kept in the run."),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Refuse nothing because it would not fit into memory or disk.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print every verdict, expectation and reason.")
]


def complete_scenarios(incomplete: str) -> list[str]:
    """Shipped names and scenario files that begin so; for the shell's completion."""
    from sdesim.shipped import scenario_index

    folder = Path(incomplete).parent if "/" in incomplete else Path()
    files = [str(p) for pattern in ("*.yaml", "*.yml") for p in sorted(folder.glob(pattern))]
    return [name for name in (*files, *sorted(scenario_index())) if name.startswith(incomplete)]


def complete_runs(incomplete: str) -> list[str]:
    """Run directories below ./runs that begin so; for the shell's completion."""
    files = [p for name in ("scenario.yaml", "readings.jsonl") for p in Path("runs").glob(f"*/{name}")]
    found = sorted(str(file.parent) for file in files)
    return [name for name in found if name.startswith(incomplete)]


def complete_kinds(incomplete: str) -> list[str]:
    """Kinds that begin so; for the shell's completion."""
    from sdesim.kinds import families, names_of

    return sorted({n for family in families() for n in names_of(family) if n.startswith(incomplete)})


FilesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SCENARIO", help="Scenario files or shipped names.", autocompletion=complete_scenarios
    ),
]


def folder_of(text: str) -> Path:
    """A run directory of this machine.

    Raises:
        RunError: it is a URL.
    """
    from sdesim.io.places import local

    return local(text, "this verb")


RunArgument = Annotated[
    Path,
    typer.Argument(parser=folder_of, metavar="RUN", help="A run directory.", autocompletion=complete_runs),
]


def read_overrides(settings: list[str] | None) -> dict[str, str]:
    """--set PATH=VALUE, each as path → value.

    Raises:
        ScenarioError: one is not of this form.
    """
    from sdesim.errors import ScenarioError

    found: dict[str, str] = {}
    for item in settings or []:
        path, sign, value = item.partition("=")
        if not sign or not path.strip():
            raise ScenarioError(f"--set: found {item!r}, allowed: PATH=VALUE")
        found[path.strip()] = value
    return found


def read_cluster(value: str | None) -> str | int | None:
    """An address, or a number of processes."""
    return int(value) if value is not None and value.isdecimal() and len(value) < 6 else value
