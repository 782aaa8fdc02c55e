"""Wide dense rows, from 256 bytes on: a few at a time, and by two threads, each of which keeps half of the columns.

With v_k = v + Σ_{i<k} c_i x_i the product that step k needs is x_k·v_k = x_k·v + Σ_{i<k} c_i x_k·x_i. So the products
of a few rows with v and with each other, found in one loop over the columns, are all that their steps need, and v is
read and written once a group instead of once a row. The same identity carries ‖v_k‖².

Two threads tell each other the sums over their halves once a group; all else of a step each finds for itself, from the
same numbers. One thread alone adds up the same halves, so that it makes no difference to any bit who did the work.
"""

from typing import Any

from downslope.kernels.compiling import give_way, prefetch, publish, seen
from downslope.kernels.entries import a_line, own_columns, square_of
from downslope.kernels.registry import implements, inlined, is_none
from downslope.kernels.rows import GROUP, LETTER, SUMS, WideRows, place, unsigned
from downslope.kernels.steps import advance, gather, look, product, rescale, settle

__all__: list[str] = []

# Looks at what the other thread has written before this one offers its core to others, which takes microseconds.
LOOKS = 2000
# Where the products of rows with themselves begin, behind those of each two.
SQUARES = GROUP * (GROUP - 1) // 2


@inlined
def add_up(rows: Any, order: Any, k: Any, v: Any, counts: Any, half: Any, at: Any) -> None:
    """Write the sums over half of the columns of the group that begins with row number k to letter `at`."""
    i0, i1, i2, i3 = place(order, k), place(order, k + 1), place(order, k + 2), place(order, k + 3)
    zero = v.dtype.type(0)
    d0 = d1 = d2 = d3 = p10 = p20 = p21 = p30 = p31 = p32 = zero
    squares = q0 = q1 = q2 = q3 = zero
    for j in range(unsigned(rows.halves[half]), unsigned(rows.halves[half + 1])):
        w = v[j]
        a, b, c, d = rows.X[i0, j], rows.X[i1, j], rows.X[i2, j], rows.X[i3, j]
        d0 += a * w
        d1 += b * w
        d2 += c * w
        d3 += d * w
        p10 += a * b
        p20 += a * c
        p21 += b * c
        p30 += a * d
        p31 += b * d
        p32 += c * d
        squares += square_of(counts, w)
        q0 += square_of(counts, a)
        q1 += square_of(counts, b)
        q2 += square_of(counts, c)
        q3 += square_of(counts, d)
    letters = rows.letters
    letters[at], letters[at + 1], letters[at + 2], letters[at + 3] = d0, d1, d2, d3
    letters[at + 4], letters[at + 5], letters[at + 6] = p10, p20, p21
    letters[at + 7], letters[at + 8], letters[at + 9] = p30, p31, p32
    letters[at + 10], letters[at + 11], letters[at + 12], letters[at + 13] = q0, q1, q2, q3
    letters[at + 14] = squares


@inlined
def wait_for(rows: Any, at: Any, number: Any) -> None:
    """Wait until letter `at` has this number, or the thread that was to write it has failed."""
    looks = 0
    while seen(rows.stamps, at + SUMS) != number and seen(rows.quit, 0) == 0:
        looks += 1
        if looks == LOOKS:
            looks = 0
            give_way()


@inlined
def add_steps(rows: Any, order: Any, k: Any, v: Any, coming: Any, line: Any) -> None:
    """Add to v the steps of the group that begins with row number k, and forget them; ask for that of number `coming`.

    A cache line holds `line` values. Of long rows a stretch is asked for while the one before is added: memory would
    have nothing to do meanwhile, and rows asked for all at once would be waited for.
    """
    i0, i1, i2, i3 = place(order, k), place(order, k + 1), place(order, k + 2), place(order, k + 3)
    c0, c1, c2, c3 = rows.factors[0], rows.factors[1], rows.factors[2], rows.factors[3]
    width, stretch = rows.X.shape[1], unsigned(rows.stretch)
    at0, at1 = place(order, coming) * width, place(order, coming + 1) * width
    at2, at3 = place(order, coming + 2) * width, place(order, coming + 3) * width
    begin, end = unsigned(rows.halves[rows.begin]), unsigned(rows.halves[rows.end])
    # No ranges: their lengths would be found by division.
    while begin < end:
        stop = min(begin + stretch, end)
        asked, last = stop, min(stop + stretch, end)
        while asked < last:
            prefetch(rows.flat, at0 + asked)
            prefetch(rows.flat, at1 + asked)
            prefetch(rows.flat, at2 + asked)
            prefetch(rows.flat, at3 + asked)
            asked += unsigned(line)
        for j in range(begin, stop):
            v[j] += (c0 * rows.X[i0, j] + c1 * rows.X[i1, j]) + (c2 * rows.X[i2, j] + c3 * rows.X[i3, j])
        begin = stop
    rows.factors[0] = rows.factors[1] = rows.factors[2] = rows.factors[3] = 0.0


@inlined
def dot_of(rows: Any, r: Any) -> Any:
    """x_r·v after the steps made of the group."""
    dot, first = rows.dots[r], r * (r - 1) // 2
    for s in range(r):
        dot += rows.factors[s] * rows.products[first + s]
    return dot


@implements(own_columns, of=WideRows)  # type: ignore[untyped-decorator]
def _columns_of(rows: Any, v: Any) -> Any:
    return lambda rows, v: (unsigned(rows.halves[rows.begin]), unsigned(rows.halves[rows.end]))


@implements(gather, of=WideRows)  # type: ignore[untyped-decorator]
def _gather(rows: Any, order: Any, k: Any, v: Any, squares: Any, counts: Any) -> Any:
    line = a_line(v)

    def gather_group(rows: Any, order: Any, k: Any, v: Any, squares: Any, counts: Any) -> Any:
        # No branches here nor in `advance`: where there are, numba counts references to arrays, which takes longer.
        add_steps(rows, order, max(k - GROUP, 0), v, k + GROUP, line)
        rows.clock[0] += 1
        number = rows.clock[0]
        # Two letters each, by turns: one may still be read when the next is written.
        first = LETTER * (number % 2)
        second = first + 2 * LETTER
        for half in range(rows.begin, rows.end):
            at = first + half * 2 * LETTER
            add_up(rows, order, k, v, counts, half, at)
            publish(rows.stamps, at + SUMS, number)
        wait_for(rows, first, number)
        wait_for(rows, second, number)
        for r in range(GROUP):
            rows.dots[r] = rows.letters[first + r] + rows.letters[second + r]
        for n in range(rows.products.size):
            rows.products[n] = rows.letters[first + GROUP + n] + rows.letters[second + GROUP + n]
        return rows.letters[first + SUMS - 1] + rows.letters[second + SUMS - 1]

    return gather_group


@implements(look, of=WideRows)  # type: ignore[untyped-decorator]
def _look(rows: Any, order: Any, k: Any, v: Any) -> Any:
    return lambda rows, order, k, v: (v.dtype.type(0), None)


@implements(product, of=WideRows)  # type: ignore[untyped-decorator]
def _product(rows: Any, k: Any, dot: Any) -> Any:
    return lambda rows, k, dot: dot_of(rows, k % GROUP)


@implements(advance, of=WideRows)  # type: ignore[untyped-decorator]
def _advance(
    rows: Any, i: Any, order: Any, k: Any, v: Any, c: Any, dot: Any, ahead: Any, squares: Any, counts: Any
) -> Any:
    counted = not is_none(counts)

    def advance_wide(
        rows: Any, i: Any, order: Any, k: Any, v: Any, c: Any, dot: Any, ahead: Any, squares: Any, counts: Any
    ) -> Any:
        r = k % GROUP
        rows.factors[r] = c
        moved = v.dtype.type(0)
        if counted:
            moved = v.dtype.type(squares + c * (2.0 * dot + c * rows.products[SQUARES + r]))
        return dot, ahead, moved

    return advance_wide


@implements(settle, of=WideRows)  # type: ignore[untyped-decorator]
def _settle(rows: Any, order: Any, k: Any, v: Any) -> Any:
    line = a_line(v)

    def settle_group(rows: Any, order: Any, k: Any, v: Any) -> None:
        for r in range(k % GROUP, GROUP):
            rows.dots[r] = dot_of(rows, r)
        add_steps(rows, order, k - k % GROUP, v, k, line)

    return settle_group


@implements(rescale, of=WideRows)  # type: ignore[untyped-decorator]
def _rescale(rows: Any, v: Any, ahead: Any, scale: Any) -> Any:
    def rescale_group(rows: Any, v: Any, ahead: Any, scale: Any) -> Any:
        for r in range(GROUP):
            rows.dots[r] *= scale
        return ahead

    return rescale_group
