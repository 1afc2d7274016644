"""A contestant's process: started once, asked for one run at a time, so that runs can be interleaved."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .environments import Missing

_READY_SECONDS, _RUN_SECONDS = 180.0, 90.0
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
T = TypeVar("T")


def on_one_core(function: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
    """Call a function that starts a process, which then keeps to the last core of this one."""
    if not hasattr(os, "sched_setaffinity"):
        return function(*arguments, **keywords)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        return function(*arguments, **keywords)
    finally:
        os.sched_setaffinity(0, cores)


class Worker:
    """A running contestant.

    Args:
        command: what starts it; it must print a line of JSON when ready and one for each line it reads.
        environment: further environment variables.
        folder: its working directory; not the caller's, whose project files some peers' compilers would read.
        pinned: whether it keeps to one core.

    Raises:
        Missing: it can't start; `error` of its answer or the last line that it printed says why.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        pinned: bool = True,
    ) -> None:
        variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        start = on_one_core if pinned else (lambda function, *a, **k: function(*a, **k))
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        try:
            self._process = start(
                subprocess.Popen,
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                cwd=folder,
                env={**variables, **_ONE_THREAD, **(environment or {})},
            )
        except OSError as error:
            raise Missing(f"can't start: {error.strerror}") from None
        ready = self._answer(_READY_SECONDS)
        self.versions: dict[str, str] = ready.get("versions", {})

    def ask(self, **request: Any) -> None:
        """Send a request for one run; `answer` gives its result."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise Missing(f"ended early: {self._last_words()}") from None

    def answer(self) -> dict[str, Any]:
        """The result of the run that was asked for."""
        return self._answer(_RUN_SECONDS)

    def run(self, **request: Any) -> dict[str, Any]:
        """Ask and wait."""
        self.ask(**request)
        return self.answer()

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        late = not timer.is_alive()
        timer.cancel()
        if not line:
            self.close()
            raise Missing(
                f"no answer within {seconds:.0f} s" if late else f"ended early: {self._last_words()}"
            )
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            self.close()
            raise Missing(str(found["error"]))
        return found

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else "no message"

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
