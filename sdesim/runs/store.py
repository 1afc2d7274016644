"""Runs on disk and in memory: one writer for both arms, opened again lazily.

On disk a run is a Zarr group (format 3) whose arrays are filled chunk by chunk while the run goes on; its
attribute ``complete`` turns true last. Names along group, event and well are kept as attributes, because
Zarr has no settled type for strings.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import RunError, first_line
from sdesim.io.files import folder_made, to_json
from sdesim.io.places import Place, holds_files, named, place, zarr_store
from sdesim.runs.accessor import RunAccessor as RunAccessor
from sdesim.runs.attributes import plain, rows
from sdesim.runs.chunks import cut, step_chunk
from sdesim.runs.memory import check_memory
from sdesim.runs.provenance import git_commit, host, versions
from sdesim.runs.replays import note_ended, note_stored
from sdesim.runs.schema import SCHEMA_VERSION, VARIABLES, VariableSpec, further_variables, validate_run

_LARGE_BYTES = 10**9
# Seconds of work that the end of the machine may take: to wait for the disk costs tenths of one.
_WORTH = 10.0
_NAMED = {"group": "groups", "event": "events", "well": "wells"}
_NAMED_WORDS = {"group": "parameter group", "event": "event that is watched", "well": "well of the surface"}
_COORDS: dict[str, tuple[str, str]] = {
    "trajectory": ("1", "number of the trajectory"),
    "step": ("step", "step"),
    "time": ("time", "time: step times dt, or the sum of learning rates"),
    "epoch": ("epoch", "passes over the training examples"),
    "probe_step": ("step", "step of the probe"),
    "probe_time": ("time", "time of the probe"),
}
Index = int | slice


class RunWriter:
    """A run being made; what has not been written yet reads as missing.

    Args:
        kind: "simulated" or "real".
        trajectories: number of trajectories K.
        steps: saved step numbers (S,).
        time: (S,), or (K, S) where it differs between trajectories.
        dim: number of parameters d.
        variables: schema names that the run will hold.
        probe_steps, probe_time: (P,), or None without probes.
        probe_trajectories: how many of the trajectories are probed.
        samples, directions, clients, noise_states: sizes of those dims.
        first: the number of the first trajectory.
        groups, events, wells: names along those dims.
        attrs: further attributes: name, seed, learning_rate, …
        out: path or URL of the Zarr group to make; None keeps the run in memory.
        epoch: (S,), for real runs.
        resume: go on writing the incomplete run at `out`.
        observables: variables over (trajectory, step) that are no part of the schema, by name.
        further: variables besides those of the schema, which the run then holds: by name an object with
            dims, units, long_name and dtype.
        sizes: lengths of the dims of these. coordinates: by name dim, values, units and long name.
        block: how many trajectories are written at once, where others are written by other processes: chunks
            hold a part of these, and no chunk is of two blocks.
        begin: of such a process, the place of its first trajectory in the run that lies at `out` already.

    Raises:
        RunError: unknown variable, `out` exists or can't be written, or memory does not hold the run.
    """

    def __init__(
        self, *, kind: str, trajectories: int, steps: ArrayLike, time: ArrayLike, dim: int,
        variables: Sequence[str], probe_steps: ArrayLike | None = None, probe_time: ArrayLike | None = None,
        probe_trajectories: int | None = None, samples: int = 0, directions: int = 0,
        groups: Sequence[str] = (), events: Sequence[str] = (), wells: Sequence[str] = (), clients: int = 0,
        attrs: Mapping[str, Any], out: str | Place | None, epoch: ArrayLike | None = None,
        resume: bool = False, observables: Mapping[str, VariableSpec] | None = None, first: int = 0,
        noise_states: int = 0, further: Mapping[str, Any] | None = None,
        sizes: Mapping[str, int] | None = None,
        coordinates: Mapping[str, tuple[str, NDArray[Any], str, str]] | None = None,
        block: int = 0, begin: int | None = None,
    ) -> None:  # fmt: skip
        steps = np.asarray(steps, dtype=np.int64)
        probes = 0 if probe_steps is None else len(np.asarray(probe_steps))
        self._sizes = {
            "trajectory": trajectories, "step": len(steps), "param": dim, "probe": probes, "sample": samples,
            "group": len(groups), "direction": directions, "event": len(events), "well": len(wells),
            "client": clients, "noise_state": noise_states, **(sizes or {}),
        }  # fmt: skip
        self._kind, self._first = kind, first
        self._block, self._begin = block, begin
        self._specs = {**VARIABLES, **(observables or {})}
        self._attrs: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION, "kind": kind, **attrs, "versions": versions(),
            "git_commit": git_commit(), "host": host(), "complete": False, "groups": list(groups),
            "events": list(events), "wells": list(wells), "dim": dim,
            **({"observables": list(observables)} if observables else {}),
            "probe_trajectories": trajectories if probe_trajectories is None else probe_trajectories,
        }  # fmt: skip
        coords: dict[str, tuple[tuple[str, ...], NDArray[Any]]] = {
            "trajectory": (("trajectory",), first + np.arange(trajectories, dtype=np.int64)),
            "step": (("step",), steps),
        }
        times = np.asarray(time, dtype=np.float64)
        coords["time"] = (("step",) if times.ndim == 1 else ("trajectory", "step"), times)
        if epoch is not None:
            coords["epoch"] = (("step",), np.asarray(epoch, dtype=np.float64))
        if probes:
            coords["probe_step"] = (("probe",), np.asarray(probe_steps, dtype=np.int64))
            moments = np.asarray(probe_time, dtype=np.float64)
            coords["probe_time"] = (("probe",) if moments.ndim == 1 else ("trajectory", "probe"), moments)
        self._words = dict(_COORDS)
        for name, (along, values, units, long_name) in (coordinates or {}).items():
            coords[name] = ((along,), values)
            self._words[name] = (units, long_name)
        self._coords = coords
        if further:
            told = {n: [list(v.dims), v.units, v.long_name, v.dtype] for n, v in further.items()}
            self._attrs["further_variables"] = told
            self._specs |= further_variables(self._attrs)
        self._names = tuple(dict.fromkeys([*variables, *(observables or {}), *(further or {})]))
        for name in self._names:
            if name not in self._specs:
                raise RunError(f"variable {name!r} is not part of the run schema")
        self.out = None if out is None else place(out)
        self._group: Any = None
        self._store: Any = None
        self._before: dict[str, str] = {}
        self._arrays: dict[str, Any] = self._in_memory() if self.out is None else self._on_disk(resume)

    @property
    def step_chunk(self) -> int:
        """How many saved steps of all trajectories are best written at once."""
        together = self._block or self._sizes["trajectory"]
        return step_chunk(together, self._sizes["param"], self._sizes["step"])

    @property
    def names(self) -> tuple[str, ...]:
        """Of all variables."""
        return self._names

    def is_probe(self, name: str) -> bool:
        """Whether a variable is of readings."""
        return "probe" in self._specs[name].dims

    def row_bytes(self) -> float:
        """Bytes of one trajectory in all variables that have one."""
        held = [n for n in self._names if "trajectory" in self._specs[n].dims]
        size = sum(math.prod(self._shape(n)) * np.dtype(self._specs[n].dtype).itemsize for n in held)
        return size / max(1, self._sizes["trajectory"])

    def part(self, name: str) -> NDArray[Any] | None:
        """What a run in memory holds of a variable; None where that has no trajectory."""
        return self._arrays[name] if "trajectory" in self._specs[name].dims else None

    def array(self, name: str) -> NDArray[Any]:
        """The variable's own array of a run in memory, to be filled in place."""
        found: NDArray[Any] = self._arrays[name]
        return found

    def write(
        self, name: str, values: ArrayLike, *, trajectory: Index | None = None, step: Index | None = None,
        probe: Index | None = None,
    ) -> None:  # fmt: skip
        """Write values of one variable at the given places of its dims (all of a dim where none is given).

        Raises:
            RunError: the variable was not announced, or the disk refuses.
        """
        if name not in self._arrays:
            raise RunError(f"variable {name!r} was not announced for this run")
        given = {"trajectory": self._place_of(trajectory), "step": step, "probe": probe}
        where = tuple(slice(None) if (i := given.get(d)) is None else i for d in self._specs[name].dims)
        try:
            self._arrays[name][where] = np.asarray(values, dtype=self._specs[name].dtype)
        except OSError as error:
            raise RunError(f"can't write {self.out}: {error.strerror or error}") from error

    def _place_of(self, trajectory: Index | None) -> Index | None:
        """Where trajectories of this writer stand in the run."""
        if self._begin is None:
            return trajectory
        if trajectory is None:
            return slice(self._begin, self._begin + self._sizes["trajectory"])
        if isinstance(trajectory, slice):
            first, last, _ = trajectory.indices(self._sizes["trajectory"])
            return slice(self._begin + first, self._begin + last)
        return self._begin + trajectory

    def write_times(self, trajectory: int, time: ArrayLike, probe_time: ArrayLike | None) -> None:
        """Set the times of one trajectory where they differ between trajectories and were not known before.

        Raises:
            RunError: the disk refuses.
        """
        given = {"time": time, "probe_time": probe_time}
        try:
            for name, values in given.items():
                if values is not None:
                    self._coords[name][1][trajectory] = values
                    if self.out is not None:
                        self._group[name][trajectory] = np.asarray(values)
        except OSError as error:
            raise RunError(f"can't write {self.out}: {error.strerror or error}") from error

    def finish(self, **attrs: Any) -> xr.Dataset:
        """Mark the run complete, with further attributes, and return it (lazily loaded when on disk)."""
        self._attrs |= {**attrs, "complete": True}
        if self.out is None:
            if "theta" in self._arrays:
                note_ended(self._attrs, self._first, self._arrays["theta"], self._arrays.get("status"))
            return self._dataset()
        from sdesim.runs.checked_store import MANIFEST, manifest_of

        attrs = self._stored_attrs()
        self._store.expected = {**self._before, **self._store.expected}
        manifest = manifest_of(self._group, {*self._coords, *self._names}, self._store, attrs)
        try:
            # First the chunks: where they are named, they are there.
            waited = self._store.to_disk(_WORTH)
            self._group.attrs.put({**attrs, MANIFEST: to_json(manifest, indent=None).strip()})
            if waited:
                self._store.to_disk()
        except OSError as error:
            raise RunError(f"can't write {self.out}: {error.strerror or error}") from error
        return open_run(self.out)

    @property
    def written(self) -> dict[str, str]:
        """The chunks that this writer has written, with their checksums; none in memory."""
        return {} if self._store is None else dict(self._store.expected)

    def take_written(self, chunks: Mapping[str, str]) -> None:
        """Take over what another process has written into this run, as its `written` says."""
        if self._store is not None:
            self._store.take(chunks)

    def check_place(self) -> None:
        """That a run on disk still lies where it was begun.

        Raises:
            RunError: it was moved or removed.
        """
        if self._store is not None:
            self._store.check_place()

    def note_chunks(self) -> None:
        """Store which chunks have been written, before a checkpoint that relies on them.

        Raises:
            RunError: the disk refuses.
        """
        if self.out is None:
            return
        from sdesim.runs.checked_store import MANIFEST

        written = {**self._before, **self._store.expected}
        try:
            self._store.to_disk()
            self._group.attrs.put(
                {**self._stored_attrs(), MANIFEST: to_json({"written": written}, indent=None).strip()}
            )
            self._store.to_disk()
        except OSError as error:
            raise RunError(f"can't write {self.out}: {error.strerror or error}") from error

    def _shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._sizes[d] for d in self._specs[name].dims)

    def _in_memory(self) -> dict[str, Any]:
        size = sum(math.prod(self._shape(n)) * np.dtype(self._specs[n].dtype).itemsize for n in self._names)
        check_memory(size, "this run", "give out=PATH to stream it to disk, raise save_every or save less")
        if size > _LARGE_BYTES:
            warnings.warn(
                f"this run will take {size / 1e9:.1f} GB of memory; give out=PATH to stream it to disk, "
                "raise save_every or save fewer variables",
                stacklevel=4,
            )
        return {n: self._empty(n) for n in self._names}

    def _empty(self, name: str) -> NDArray[Any]:
        spec = self._specs[name]
        if self._kind == "simulated" and "step" in spec.dims:
            # All of it will be written, so filling it would be a pass over memory for nothing.
            return np.empty(self._shape(name), dtype=spec.dtype)
        return np.full(self._shape(name), fill_value(self._specs[name].dtype), dtype=spec.dtype)

    def _on_disk(self, resume: bool) -> dict[str, Any]:
        import zarr

        from sdesim.runs.begun import begun_group
        from sdesim.runs.checked_store import CheckedStore

        assert self.out is not None
        if self._begin is not None:
            self._store = CheckedStore(self.out, zarr_store(self.out))
            try:
                self._group = zarr.open_group(self._store, mode="r+")
            except FileNotFoundError:
                raise RunError(f"{self.out} is not seen by a worker, which is to write there") from None
            return {name: self._group[name] for name in self._names}
        if resume:
            self._store = CheckedStore(self.out, zarr_store(self.out))
            self._group, self._before = begun_group(self._store, self._describe)
            self.note_chunks()
            return {name: self._group[name] for name in self._names}
        if self.out.exists():
            raise RunError(f"{self.out} exists already; choose another path or remove it")
        try:
            if isinstance(self.out, Path):
                folder_made(self.out)
            self._store = CheckedStore(self.out, zarr_store(self.out))
            self._group = zarr.open_group(
                self._store, mode="w-", zarr_format=3, attributes=self._stored_attrs()
            )
            arrays = self._describe(self._group)
            for name, (_, values) in self._coords.items():
                self._group[name][...] = values
            return arrays
        # What was made a moment ago is not found.
        except KeyError as error:
            raise RunError(f"{self.out} was moved or removed while it was being written") from error
        except OSError as error:
            raise RunError(f"can't write {self.out}: {error.strerror or error}") from error

    def _describe(self, group: Any) -> dict[str, Any]:
        """Make the arrays of the run in a group, without their values; those of its variables by name."""
        from sdesim.runs.checked_store import checksums

        for name, (dims, values) in self._coords.items():
            units, long_name = self._words[name]
            group.create_array(
                name, shape=values.shape, dtype=values.dtype, dimension_names=dims,
                compressors=checksums(), attributes={"units": units, "long_name": long_name},
            )  # fmt: skip
        return {name: self._create(group, name) for name in self._names}

    def _create(self, group: Any, name: str) -> Any:
        from sdesim.runs.checked_store import checksums

        spec = self._specs[name]
        # Sampled noise does not compress; trying would cost more than the disk. Nor is a chunk of saved steps
        # ever only its fill value, but where all has diverged: to look for that is a pass over all of them.
        return group.create_array(
            name, shape=self._shape(name), chunks=self._chunks(name), dtype=spec.dtype,
            fill_value=fill_value(self._specs[name].dtype), dimension_names=spec.dims,
            compressors=checksums(),
            attributes={"units": spec.units, "long_name": spec.long_name},
            config={"write_empty_chunks": self._kind == "simulated" and "step" in spec.dims},
        )  # fmt: skip

    def _chunks(self, name: str) -> tuple[int, ...]:
        dims = self._specs[name].dims
        lengths = dict(zip(dims, self._shape(name), strict=True))
        found = cut(lengths, self._kind == "simulated", self.step_chunk, self._block)
        return tuple(found[d] for d in dims)

    def _stored_attrs(self) -> dict[str, Any]:
        stored: dict[str, Any] = json.loads(to_json(plain(self._attrs)))
        # The convention by which xarray knows coordinates from data.
        stored["coordinates"] = " ".join(n for n in self._coords if n not in ("trajectory", "step"))
        return stored

    def _dataset(self) -> xr.Dataset:
        # They are NumPy's arrays: to look for other sorts of them xarray would load Dask.
        data = {
            n: xr.Variable(
                self._specs[n].dims,
                a,
                {"units": self._specs[n].units, "long_name": self._specs[n].long_name},
                fastpath=True,
            )
            for n, a in self._arrays.items()
        }
        coords = {
            n: xr.Variable(
                d, v, dict(zip(("units", "long_name"), self._words[n], strict=True)), fastpath=True
            )
            for n, (d, v) in self._coords.items()
        }
        return _named(xr.Dataset(data, coords, plain(json.loads(to_json(self._attrs)))))


def fill_value(dtype: str) -> float | int | bool:
    """What stands for "not there": NaN, 0 for counts, true for censored."""
    return {"float64": math.nan, "bool": True}.get(dtype, 0)


def _named(run: xr.Dataset) -> xr.Dataset:
    """The run with the names of its groups, events and wells as coordinates."""
    found = {
        d: xr.Variable((d,), rows(run.attrs, a), {"units": "1", "long_name": _NAMED_WORDS[d]})
        for d, a in _NAMED.items()
        if d in run.dims and rows(run.attrs, a)
    }
    return run.assign_coords(found)


def open_run(path: str | Place, chunks: Any = None) -> xr.Dataset:
    """Open a stored run lazily.

    Args:
        path: an ``<arm>.zarr``, or a run directory with one arm; a path, or a URL that fsspec knows.
        chunks: None for arrays that are read when they are used; else Dask's: ``{}`` for those of the file,
            ``"auto"``, or sizes by dimension such as ``{"trajectory": 1000}``.

    Raises:
        RunError: no run there, not one that this version can read, a damaged one, or chunks without Dask.
            So does what reads a damaged array later.
    """
    target = place(path)
    if not target.exists():
        raise RunError(f"no run at {target}")
    if not (target / "zarr.json").exists():
        arms = named(target, "*.zarr")
        if len(arms) != 1:
            names = ", ".join(a.name for a in arms)
            raise RunError(
                f"{target} holds several arms, name one: {names}" if arms else f"no run at {target}"
            )
        target = arms[0]
    if chunks is not None and find_spec("dask") is None:
        raise RunError("chunks are Dask's, which is not installed: pip install 'sdesim[dask]'")
    from sdesim.runs.checked_store import MANIFEST, UNREADABLE, opened

    try:
        store, attrs = opened(target)
        run = xr.open_zarr(store, consolidated=False, chunks=chunks)
    except UNREADABLE as error:
        raise RunError(f"{target} can't be read as a run: {first_line(error)}") from error
    run.encoding["source"] = str(target)
    # Runs of earlier versions hold others.
    run.attrs = plain({name: value for name, value in attrs.items() if name != MANIFEST})
    if run.attrs.get("complete") and not store.whole:
        run.attrs["unverified"] = 1
    validate_run(run)
    note_stored(target.resolve())
    return _named(run)


def begun_run(path: Place) -> dict[str, Any] | None:
    """Attributes of the run that lies there, whole or not; None where an interruption left none of it.

    Raises:
        RunError: what lies there is no run.
    """
    if not path.is_dir():
        raise RunError(f"{path} exists already and is no run; choose another path or remove it")
    try:
        found: Any = json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"]
        return plain(found)
    except FileNotFoundError:
        if holds_files(path):
            raise RunError(f"{path} is no run; choose another path or remove it") from None
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} can't be read as a run: {first_line(error)}") from error


def open_runs(folder: str | Place) -> dict[str, xr.Dataset]:
    """Arm → run of a run directory, lazily.

    Raises:
        RunError: it holds no runs.
    """
    arms = named(place(folder), "*.zarr")
    if not arms:
        raise RunError(f"{folder} holds no runs")
    return {arm.stem: open_run(arm) for arm in arms}
