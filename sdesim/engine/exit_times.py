from typing import Any


def exit_statistics(run: Any, event: int = 0) -> Any: ...
