"""The stable law: density, distribution, tails and their logarithms, quantiles, draws and fits.

The package is also the law itself: ``sdesim.stable(alpha, beta)`` gives a law with scipy's method names.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sdesim.lazy import lazy_names

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sdesim.stable.frozen import StableLaw as StableLaw
    from sdesim.stable.functions import cdf as cdf
    from sdesim.stable.functions import isf as isf
    from sdesim.stable.functions import logcdf as logcdf
    from sdesim.stable.functions import logpdf as logpdf
    from sdesim.stable.functions import logsf as logsf
    from sdesim.stable.functions import pdf as pdf
    from sdesim.stable.functions import ppf as ppf
    from sdesim.stable.functions import sf as sf

_HOMES = {
    "StableLaw": "frozen",
    "cdf": "functions",
    "isf": "functions",
    "logcdf": "functions",
    "logpdf": "functions",
    "logsf": "functions",
    "pdf": "functions",
    "ppf": "functions",
    "sf": "functions",
}

_get, __dir__ = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)


class _Law(ModuleType):
    """A package that can be called."""

    def __call__(
        self,
        alpha: ArrayLike,
        beta: ArrayLike = 0.0,
        loc: ArrayLike = 0.0,
        scale: ArrayLike = 1.0,
        parametrization: str = "S1",
    ) -> StableLaw:
        """The stable law with these parameters; see `sdesim.stable.frozen.StableLaw`."""
        from sdesim.stable.frozen import StableLaw

        return StableLaw(alpha, beta, loc, scale, parametrization)


sys.modules[__name__].__class__ = _Law
