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

    from sdesim.stable.bounded import truncated as truncated
    from sdesim.stable.elliptical import Elliptical as Elliptical
    from sdesim.stable.elliptical import multivariate as multivariate
    from sdesim.stable.fitting.elliptical_fit import EllipticalFit as EllipticalFit
    from sdesim.stable.fitting.elliptical_fit import fit_multivariate as fit_multivariate
    from sdesim.stable.fitting.fit import fit as fit
    from sdesim.stable.fitting.result import StableFit as StableFit
    from sdesim.stable.frozen import StableLaw as StableLaw
    from sdesim.stable.functions import cdf as cdf
    from sdesim.stable.functions import isf as isf
    from sdesim.stable.functions import logcdf as logcdf
    from sdesim.stable.functions import logpdf as logpdf
    from sdesim.stable.functions import logsf as logsf
    from sdesim.stable.functions import pdf as pdf
    from sdesim.stable.functions import ppf as ppf
    from sdesim.stable.functions import sf as sf
    from sdesim.stable.sampling.draws import rvs as rvs
    from sdesim.stable.tempered_law import tempered as tempered
    from sdesim.stable.torch_law import TorchStable as TorchStable
    from sdesim.stable.torch_law import torch_rvs as torch_rvs

_HOMES = {
    "Elliptical": "elliptical",
    "EllipticalFit": "fitting.elliptical_fit",
    "StableFit": "fitting.result",
    "StableLaw": "frozen",
    "TorchStable": "torch_law",
    "cdf": "functions",
    "fit": "fitting.fit",
    "fit_multivariate": "fitting.elliptical_fit",
    "isf": "functions",
    "logcdf": "functions",
    "logpdf": "functions",
    "logsf": "functions",
    "multivariate": "elliptical",
    "pdf": "functions",
    "ppf": "functions",
    "rvs": "sampling.draws",
    "sf": "functions",
    "tempered": "tempered_law",
    "torch_rvs": "torch_law",
    "truncated": "bounded",
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
