"""From one row's step to the next: what a step needs of v, found while the step before moves it.

Here is the way of short, dense and sparse rows; that of wide rows is in `wide`.
"""

from typing import Any

from downslope.kernels.arithmetic import rounded
from downslope.kernels.entries import dot_row, square_of
from downslope.kernels.registry import implements, is_one_of
from downslope.kernels.rows import DENSE, GROUP, IN_ORDER, ShortRows, WideRows, place, unsigned

__all__ = ["advance", "gather", "group_of", "look", "product", "rescale", "settle"]


def group_of(rows: Any, order: Any) -> int:
    """How many rows `gather` looks at together, inside compiled code."""
    raise NotImplementedError


def gather(rows: Any, order: Any, k: int, v: Any, squares: float, counts: bool | None) -> float:
    """Look at a group of rows from number k of `order` on, inside compiled code; gives ‖v‖² where it is counted."""
    raise NotImplementedError


def look(rows: Any, order: Any, k: int, v: Any) -> tuple[float, Any]:
    """The product of row number k of `order` with v, and `ahead` of the step on it, inside compiled code.

    What `ahead` is depends on the rows: whatever `advance` knows of rows to come.
    """
    raise NotImplementedError


def product(rows: Any, k: int, dot: float) -> float:
    """The product of row number k with v: `dot`, which the step before gave, or what `gather` knows."""
    raise NotImplementedError


def advance(
    rows: Any, i: int, order: Any, k: int, v: Any, c: float, dot: float, ahead: Any, squares: float, counts: bool | None
) -> tuple[float, Any, float]:
    """V ← v + c·x, x being row i, number k of `order`, and what the next step needs of it, inside compiled code.

    Parameters
    ----------
    dot : float
        x·v before.
    ahead
        What `look` or `advance` gave back last.
    squares : float
        ‖v‖² before, where it is counted.
    counts : True or None
        Whether Σ v² is asked for; where it is not, zero is returned for it.

    Returns
    -------
    (x_next·v, ahead of the next step, Σ v² over the entries of x), of the new v. The first of a short
    dense row is found from `ahead`: it need not wait for the sum over coefficients that the step before has moved.
    """
    raise NotImplementedError


def settle(rows: Any, order: Any, k: int, v: Any) -> None:
    """Add to v what steps before that on row number k have left to be added, inside compiled code."""
    raise NotImplementedError


def rescale(rows: Any, v: Any, ahead: Any, scale: float) -> Any:
    """`ahead` when v, which is settled, is multiplied by `scale`, inside compiled code."""
    raise NotImplementedError


@implements(group_of)  # type: ignore[untyped-decorator]
def _group_of(rows: Any, order: Any) -> Any:
    return (lambda rows, order: GROUP) if is_one_of(rows, WideRows) else (lambda rows, order: len(order))


@implements(gather, but=WideRows)  # type: ignore[untyped-decorator]
def _gather(rows: Any, order: Any, k: Any, v: Any, squares: Any, counts: Any) -> Any:
    return lambda rows, order, k, v, squares, counts: squares


@implements(product, but=WideRows)  # type: ignore[untyped-decorator]
def _product(rows: Any, k: Any, dot: Any) -> Any:
    return lambda rows, k, dot: dot


@implements(look, but=WideRows)  # type: ignore[untyped-decorator]
def _look(rows: Any, order: Any, k: Any, v: Any) -> Any:
    if is_one_of(rows, ShortRows):

        def look_short(rows: Any, order: Any, k: Any, v: Any) -> Any:
            i, near = place(order, k), place(order, k + 1)
            return dot_row(rows, i, v), (dot_row(rows, near, v), dot_row(rows, near, rows.X[i]), near)

        return look_short
    return lambda rows, order, k, v: (dot_row(rows, place(order, k), v), None)


@implements(advance, but=WideRows)  # type: ignore[untyped-decorator]
def _advance(
    rows: Any, i: Any, order: Any, k: Any, v: Any, c: Any, dot: Any, ahead: Any, squares: Any, counts: Any
) -> Any:
    if is_one_of(rows, ShortRows):

        def advance_short(
            rows: Any, i: Any, order: Any, k: Any, v: Any, c: Any, dot: Any, ahead: Any, squares: Any, counts: Any
        ) -> Any:
            factor = v.dtype.type(c)
            near, far = ahead[2], place(order, k + 2)
            x, x_near, x_far = rows.X[i], rows.X[near], rows.X[far]
            before = products = moved = v.dtype.type(0)
            for j in range(v.size):
                w = v[j] + factor * x[j]
                v[j] = w
                before += x_far[j] * w
                products += x_far[j] * x_near[j]
                moved += square_of(counts, w)
            return ahead[0] + factor * ahead[1], (before, products, far), moved

        return advance_short
    if is_one_of(rows, *IN_ORDER):

        def advance_list(
            rows: Any, i: Any, order: Any, k: Any, v: Any, c: Any, dot: Any, ahead: Any, squares: Any, counts: Any
        ) -> Any:
            factor = rounded(v, c)
            x, x_near = rows.X[i], rows.X[place(order, k + 1)]
            near_dot = moved = rounded(v, 0.0)
            for j in range(len(v)):
                w = v[j] + factor * x[j]
                v[j] = w
                near_dot += x_near[j] * w
                if counts is not None:
                    moved += w * w
            return near_dot, ahead, moved

        return advance_list
    if is_one_of(rows, *DENSE):

        def advance_dense(
            rows: Any, i: Any, order: Any, k: Any, v: Any, c: Any, dot: Any, ahead: Any, squares: Any, counts: Any
        ) -> Any:
            factor = v.dtype.type(c)
            x, x_near = rows.X[i], rows.X[place(order, k + 1)]
            near_dot = moved = v.dtype.type(0)
            for j in range(v.size):
                w = v[j] + factor * x[j]
                v[j] = w
                near_dot += x_near[j] * w
                moved += square_of(counts, w)
            return near_dot, ahead, moved

        return advance_dense

    def advance_sparse(
        rows: Any, i: Any, order: Any, k: Any, v: Any, c: Any, dot: Any, ahead: Any, squares: Any, counts: Any
    ) -> Any:
        factor = v.dtype.type(c)
        moved = v.dtype.type(0)
        for m in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            j = unsigned(rows.columns[m])
            w = v[j] + factor * rows.values[m]
            v[j] = w
            moved += square_of(counts, w)
        return dot_row(rows, place(order, k + 1), v), ahead, moved

    return advance_sparse


@implements(settle, but=WideRows)  # type: ignore[untyped-decorator]
def _settle(rows: Any, order: Any, k: Any, v: Any) -> Any:
    return lambda rows, order, k, v: None


@implements(rescale, but=WideRows)  # type: ignore[untyped-decorator]
def _rescale(rows: Any, v: Any, ahead: Any, scale: Any) -> Any:
    if is_one_of(rows, ShortRows):
        return lambda rows, v, ahead, scale: (v.dtype.type(ahead[0] * scale), ahead[1], ahead[2])
    return lambda rows, v, ahead, scale: ahead
