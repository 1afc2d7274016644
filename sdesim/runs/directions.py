"""The fixed random directions on which gradients and weights are projected, for networks of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Array = NDArray[np.float64]
_DIRECTIONS = 16
# Beyond so many coordinates directions are not held but made block by block.
_HELD = 2**16
_BLOCK = 2**16
_STREAM = 0x5349474E


def projection_directions(dim: int, k: int = _DIRECTIONS, seed: int = 0) -> Any:
    """Fixed random unit vectors (min(k, dim), dim), orthonormal; a function of `dim` alone.

    Beyond 65,536 coordinates they are `SignDirections`, which take no memory and answer to the same ``@``,
    ``len``, ``shape`` and indices; `numpy.asarray` writes them out.
    """
    if dim > _HELD and k == _DIRECTIONS:
        return SignDirections(dim, seed)
    rng = np.random.Generator(np.random.Philox(key=seed, counter=dim))
    q, r = np.linalg.qr(rng.standard_normal((dim, min(k, dim))))
    return np.ascontiguousarray((q * np.sign(np.diag(r))).T)


class SignDirections:
    """Sixteen vectors u_j[i] = s_i W[j, i mod 16]/√d of independent signs s, with the Hadamard matrix W.

    Each is a vector of d independent signs, and they are orthogonal up to 16/d. The signs of a block of
    coordinates are a function of (seed, block), so that any part is made alone: a projection costs one sign
    and one addition for each coordinate, and sixteen sums at the end.

    Args:
        dim: d. seed: of the signs.
    """

    __array_ufunc__ = None

    def __init__(self, dim: int, seed: int = 0) -> None:
        self.shape, self._seed = (_DIRECTIONS, dim), seed
        self._scale = 1.0 / np.sqrt(dim)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def T(self) -> _Transposed:
        """For ``vectors @ directions.T``."""
        return _Transposed(self)

    def __matmul__(self, vector: ArrayLike) -> Array:
        """u_j·θ of one vector (d,): (16,)."""
        return self.project(np.asarray(vector))

    def __getitem__(self, key: Any) -> Array:
        """One direction (d,) by its number, or some coordinates of all: ``directions[:, mask]`` (16, m)."""
        if isinstance(key, tuple):
            rows, columns = key
            where = np.arange(self.shape[1])[columns]
            return np.asarray(self._columns(where)[rows])
        return np.concatenate([signs * self._row(key, at, len(signs)) for at, signs in self._blocks()])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        made = np.stack([self[j] for j in range(len(self))])
        return made if dtype is None else made.astype(dtype)

    def project(self, vector: NDArray[Any]) -> Array:
        """u_j·x (16,) of a whole vector x (d,)."""
        return self.turned(self.sums(vector, 0))

    def sums(self, piece: NDArray[Any], start: int) -> Array:
        """Σ s_i x_i over each class i mod 16 (16,), of coordinates ``start`` … of a vector; pieces add up."""
        total, stop = np.zeros(_DIRECTIONS), start + len(piece)
        for at, signs in self._blocks(start, stop):
            low, high = max(at, start), min(at + len(signs), stop)
            part = piece[low - start : high - start] * signs[low - at : high - at]
            front = -low % _DIRECTIONS
            body = (
                part[front : len(part) - (len(part) - front) % _DIRECTIONS] if len(part) > front else part[:0]
            )
            total += body.reshape(-1, _DIRECTIONS).sum(axis=0, dtype=np.float64)
            tail = part[front + len(body) :]
            total[: len(tail)] += tail
            first = part[:front]
            place = low % _DIRECTIONS
            total[place : place + len(first)] += first
        return total

    def turned(self, sums: Array) -> Array:
        """u_j·x from the sums over classes."""
        return np.asarray(_HADAMARD @ sums * self._scale)

    def _blocks(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Place and signs of each block that holds some of the coordinates start … stop − 1."""
        stop = self.shape[1] if stop is None else stop
        for block in range(start // _BLOCK, -(-stop // _BLOCK)):
            rng = np.random.Philox(key=[self._seed, _STREAM], counter=[0, 0, block, 0])
            words = rng.random_raw(_BLOCK // 64)
            bits = np.unpackbits(np.asarray(words, dtype="<u8").view(np.uint8))
            signs = bits.astype(np.float32)
            signs *= -2.0
            signs += 1.0
            yield block * _BLOCK, signs[: self.shape[1] - block * _BLOCK]

    def _row(self, j: int, at: int, n: int) -> Array:
        return np.asarray(_HADAMARD[j, (at + np.arange(n)) % _DIRECTIONS] * self._scale)

    def _columns(self, where: NDArray[np.int64]) -> Array:
        """Coordinates ``where`` (m,), ascending, of all directions: (16, m)."""
        found = np.empty(len(where))
        for block in np.unique(where // _BLOCK):
            inside = where // _BLOCK == block
            at, signs = next(self._blocks(int(block) * _BLOCK, int(block) * _BLOCK + 1))
            found[inside] = signs[where[inside] - at]
        return np.asarray(_HADAMARD[:, where % _DIRECTIONS] * found * self._scale)


class _Transposed:
    """The other side of a matrix product."""

    __array_ufunc__ = None

    def __init__(self, directions: SignDirections) -> None:
        self._directions = directions

    def __rmatmul__(self, vectors: ArrayLike) -> Array:
        rows = np.asarray(vectors)
        if rows.ndim == 1:
            return self._directions.project(rows)
        return np.stack([self._directions.project(row) for row in rows])


def _hadamard(order: int) -> Array:
    """W of a power of two, by Sylvester's doubling."""
    made = np.ones((1, 1))
    while len(made) < order:
        made = np.block([[made, made], [made, -made]])
    return made


_HADAMARD = _hadamard(_DIRECTIONS)
