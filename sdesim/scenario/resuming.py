"""Goes on with a run directory that an interruption left unfinished."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sdesim.errors import RunError
from sdesim.io.files import read_json
from sdesim.io.lock import locked
from sdesim.io.memory import spread
from sdesim.io.places import Place, place
from sdesim.io.progress import MARK, LabelledReport
from sdesim.kinds.trust import trusting
from sdesim.runs.finished import check_finished
from sdesim.runs.provenance import kept_scenario
from sdesim.runs.store import begun_run
from sdesim.scenario.finished import check_folder
from sdesim.scenario.foreign import import_again, refuse_changed
from sdesim.scenario.load import check_document, parse_document, read_scenario
from sdesim.scenario.models import Scenario
from sdesim.scenario.run import Work, check_work, finish_run
from sdesim.scenario.run_folder import unfinished


def resume(
    path: str | Place,
    *,
    threads: int | None = None,
    cluster: Any = None,
    progress: bool | LabelledReport = True,
    trust: Iterable[str] = (),
    accept_changes: bool = False,
) -> dict[str, Any]:
    """Go on with an interrupted scenario run; every number is as if it had never stopped.

    Arms that are whole are kept, one that was begun goes on from its last checkpoint, or from its start where
    it had none yet, and the rest is run. A directory that is finished is left as it is. What is taken as
    finished is read once, and held against its checksums.

    Args:
        path: the run directory, what `run_scenario` calls ``out``.
        threads, cluster, progress: as in `run_scenario`.
        trust: modules whose code may run, said again for every run; they are sought where they were.
        accept_changes: go on although code was edited since the run was begun; warned of, and kept in the
            attribute `accepted_changes` of each arm that goes on.

    Returns:
        The content of summary.json; ``wall_time`` is that of this call.

    Raises:
        RunError: not a run directory, one of a sweep, one interrupted before it held its scenario, or a
            finished arm that is not as it was written.
        SdesimError: an arm can't be run, or was begun by another version whose numbers differ, or with
            modules that are not trusted now or, unless that is accepted, were edited since.
    """
    target = place(path)
    if not any((target / name).exists() for name in (MARK, "scenario.yaml")):
        raise RunError(f"{target} is not a run directory, so there is nothing to go on with")
    if (target / "points").is_dir():
        raise RunError(f"{target} is the directory of a sweep: go on with sdesim sweep … --resume")
    if not (target / MARK).exists():
        return _of_finished(target)
    if not (target / "scenario.yaml").exists():
        raise RunError(f"{target} was interrupted before it held its scenario: run that again")
    with locked(target) as held:
        if not (target / MARK).exists():
            # Another process has brought it to its end meanwhile.
            return _of_finished(target)
        with unfinished(target, held, "run"):
            with spread(cluster):
                scenario, noted = read_again(target, trust, accept_changes)
                work = Work(scenario, target, threads, True, accept_changes, cluster)
                check_work(work)
            _check_arms(target, scenario)
            return finish_run(work, bool(noted.get("quick")), progress, held)


def _of_finished(target: Place) -> dict[str, Any]:
    """The summary of a directory in which there is nothing left to do."""
    try:
        return check_folder(target)
    except RunError as error:
        raise RunError(f"{error}: restore it, or run it anew with sdesim rerun {target}") from None


def _check_arms(target: Place, scenario: Scenario) -> None:
    """That the arms which are taken as finished are as they were written."""
    for name in scenario.arms:
        store = target / f"{name}.zarr"
        # With parts beside it a training is put together from them anew.
        if not store.exists() or store.with_name(f"{store.name}.parts").exists():
            continue
        if not (begun_run(store) or {}).get("complete"):
            continue
        try:
            check_finished(store)
        except RunError as error:
            raise RunError(
                f"{error}: restore it, or remove {store}, and resume runs that arm again"
            ) from None


def read_again(target: Place, trust: Iterable[str], accept_changes: bool) -> tuple[Scenario, dict[str, Any]]:
    """The scenario that a run directory holds, with the code that it was begun with, and its provenance.

    Raises:
        SdesimError: a file can't be read, or its code is not trusted or, unless accepted, was edited since.
    """
    noted = read_json(target / "provenance.json")
    kept_scenario(target)
    others, trusted = noted.get("kinds_of_others", []), tuple(trust)
    import_again(others, trusted, accept_changes)
    with trusting(trusted):
        scenario = check_document(parse_document(*read_scenario(target / "scenario.yaml")))
    refuse_changed(others, scenario, accept_changes)
    return scenario, noted
