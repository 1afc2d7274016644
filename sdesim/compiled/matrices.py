# mypy: disable-error-code="misc,no-untyped-def,no-untyped-call,untyped-decorator"
"""Products, transposes and row sums of small matrices, each entry summed in one order whatever the shapes.

BLAS is not used: its last bits depend on the shapes. A product keeps a tile of its result in vector registers
while it walks along the inner dimension, so that it waits for the multiply-adds and not for memory
(the micro-kernel of Goto and van de Geijn, 2008, "Anatomy of high-performance matrix multiplication").
All matrices are float64 and contiguous in C's order.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from sdesim.compiled.jit import compiled_apart

LANES, TALL, BROAD = 8, 4, 32
# A tile of rows × columns fills half of the vector registers; its size changes the speed, never a bit.
WIDE = BROAD if binding.get_host_cpu_features().get("avx512f") else LANES
# So many rows of the right factor stay in the first cache while all rows of the left one pass.
DEEP = 32


def _tile(rows: int, cols: int) -> Any:
    """c[j : j + rows, i : i + cols] += m[j : j + rows, k0 : k1] @ b[k0 : k1, i : i + cols], k0 < k1.

    As vectors of `LANES` columns, or as numbers if cols is 1.
    """
    lanes = min(LANES, cols)
    number = ir.DoubleType()
    kind = number if lanes == 1 else ir.VectorType(number, lanes)

    @intrinsic
    def add(context, m, b, c, j, i, k0, k1):
        for array in (m, b, c):
            if not (isinstance(array, types.Array) and array.layout == "C" and array.dtype == types.float64):
                raise TypingError(f"contiguous float64 matrices are needed, got {array}")

        def build(ctx, builder, signature, args):
            left, right, result = (ctx.make_array(signature.args[n])(ctx, builder, args[n]) for n in range(3))
            j, i, k0, k1 = args[3:]

            def at(matrix, row, col):
                width = cgutils.unpack_tuple(builder, matrix.shape)[1]
                return builder.gep(matrix.data, [builder.add(builder.mul(row, width), col)])

            def vector(matrix, row, col):
                return builder.bitcast(at(matrix, row, col), kind.as_pointer())

            def later(start, n):
                return builder.add(start, ir.Constant(start.type, n))

            def spread(value):
                if lanes == 1:
                    return value
                empty, index = ir.Constant(kind, ir.Undefined), ir.IntType(32)
                first = builder.insert_element(empty, value, ir.Constant(index, 0))
                return builder.shuffle_vector(
                    first, empty, ir.Constant(ir.VectorType(index, lanes), [0] * lanes)
                )

            columns = [later(i, n) for n in range(0, cols, lanes)]
            places = [vector(result, later(j, r), col) for r in range(rows) for col in columns]
            starts = [builder.load(place, align=8) for place in places]
            factors = [at(left, later(j, r), ir.Constant(j.type, 0)) for r in range(rows)]
            before, loop = builder.block, builder.append_basic_block("inner")
            after = builder.append_basic_block("done")
            builder.branch(loop)

            builder.position_at_end(loop)
            k = builder.phi(k0.type)
            k.add_incoming(k0, before)
            sums = [builder.phi(kind) for _ in places]
            values = [builder.load(vector(right, k, col), align=8) for col in columns]
            ends = []
            for r in range(rows):
                factor = spread(builder.load(builder.gep(factors[r], [k])))
                for n, value in enumerate(values):
                    product = builder.fmul(factor, value, flags=("contract",))
                    ends.append(builder.fadd(sums[r * len(columns) + n], product, flags=("contract",)))
            following = later(k, 1)
            k.add_incoming(following, loop)
            for total, start, end in zip(sums, starts, ends, strict=True):
                total.add_incoming(start, before)
                total.add_incoming(end, loop)
            builder.cbranch(builder.icmp_signed("<", following, k1), loop, after)

            builder.position_at_end(after)
            for place, end in zip(places, ends, strict=True):
                builder.store(end, place, align=8)
            return ctx.get_dummy_value()

        return types.void(m, b, c, j, i, k0, k1), build

    return add


_add_tile, _add_narrow, _add_column = _tile(TALL, WIDE), _tile(TALL, LANES), _tile(TALL, 1)
_add_broad_row, _add_row, _add_entry = _tile(1, BROAD), _tile(1, LANES), _tile(1, 1)


@compiled_apart
def add_product(m: Any, b: Any, c: Any) -> None:
    """c += m @ b.

    Every entry of c is summed in the order of the inner dimension, whatever the entries beside it.
    """
    rows, inner = m.shape
    cols = b.shape[1]
    tall, wide = rows - rows % TALL, cols - cols % WIDE
    broad, vectors = cols - cols % BROAD, cols - cols % LANES
    for k0 in range(0, inner, DEEP):
        k1 = min(k0 + DEEP, inner)
        for j in range(0, tall, TALL):
            for i in range(0, wide, WIDE):
                _add_tile(m, b, c, j, i, k0, k1)
            for i in range(wide, vectors, LANES):
                _add_narrow(m, b, c, j, i, k0, k1)
            for i in range(vectors, cols):
                _add_column(m, b, c, j, i, k0, k1)
        for j in range(tall, rows):
            for i in range(0, broad, BROAD):
                _add_broad_row(m, b, c, j, i, k0, k1)
            for i in range(broad, vectors, LANES):
                _add_row(m, b, c, j, i, k0, k1)
            for i in range(vectors, cols):
                _add_entry(m, b, c, j, i, k0, k1)


@compiled_apart
def transpose(source: Any, target: Any) -> None:
    """target (c, r) = sourceᵀ, eight rows of the source at a time: whole cache lines of the target."""
    rows, cols = source.shape
    eights = rows - rows % 8
    for i in range(0, eights, 8):
        s0, s1, s2, s3 = source[i], source[i + 1], source[i + 2], source[i + 3]
        s4, s5, s6, s7 = source[i + 4], source[i + 5], source[i + 6], source[i + 7]
        for j in range(cols):
            target[j, i] = s0[j]
            target[j, i + 1] = s1[j]
            target[j, i + 2] = s2[j]
            target[j, i + 3] = s3[j]
            target[j, i + 4] = s4[j]
            target[j, i + 5] = s5[j]
            target[j, i + 6] = s6[j]
            target[j, i + 7] = s7[j]
    for i in range(eights, rows):
        for j in range(cols):
            target[j, i] = source[i, j]


@compiled_apart
def add_row_sums(source: Any, out: Any) -> None:
    """out[j] += Σ_i source[j, i], in order; four rows side by side, as each waits for its own last sum."""
    rows, cols = source.shape
    fours = rows - rows % 4
    for j in range(0, fours, 4):
        s0, s1, s2, s3 = source[j], source[j + 1], source[j + 2], source[j + 3]
        t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
        for i in range(cols):
            t0 += s0[i]
            t1 += s1[i]
            t2 += s2[i]
            t3 += s3[i]
        out[j] += t0
        out[j + 1] += t1
        out[j + 2] += t2
        out[j + 3] += t3
    for j in range(fours, rows):
        total = 0.0
        for i in range(cols):
            total += source[j, i]
        out[j] += total
