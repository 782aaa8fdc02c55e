"""Rows split at a place, against a loop over rows that knows the definitions of the losses alone."""

from dataclasses import fields

import numpy as np
import pytest
import scipy.sparse

from downslope.data.block import Block
from downslope.objective import splitting
from downslope.objective.losses import Piece, make_loss
from downslope.objective.splitting import Few, FindStrays, Near, Reader, Split, SplitRows, Sums
from downslope.statistics.coordinates import Coordinates, raw_coordinates, standard_coordinates
from tests.convex import LOSSES

Array = np.ndarray

FORMS = ("dense", "CSR", "shifted", "of float32", "no intercept")
loss = pytest.mark.parametrize("loss", LOSSES)
form = pytest.mark.parametrize("form", FORMS)
weighted = pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "unweighted"])


class Rows:
    """Some rows with residuals on, near and far from kinks, and what is known of them one by one."""

    def __init__(self, loss: str, form: str, weighted: bool, n_rows: int = 60) -> None:
        random = np.random.default_rng(n_rows)
        X = np.round(random.normal([0.0, 4.0, -1.0], size=(n_rows, 3)), 2)
        if form == "of float32":
            X = X.astype(np.float32)
        centre = {"shift": np.array([0.1, 4.0, -1.0]), "scale": np.array([1.0, 0.5, 2.0])}
        self.at: Coordinates = standard_coordinates(
            centre["shift"] if form != "no intercept" else np.zeros(3),
            centre["scale"],
            fit_intercept=form != "no intercept",
        )
        self.weight = np.where(np.arange(n_rows) % 7 == 3, 0.0, random.uniform(0.5, 2.0, n_rows)) if weighted else None
        self.place = random.normal(size=self.at.n_parameters)
        self.further = self.place + 0.3 * random.normal(size=(2, self.at.n_parameters))
        self.z = (X.astype(float) - self.at.shift) * self.at.inverse_scale
        if self.at.fit_intercept:
            self.z = np.column_stack([self.z, np.ones(n_rows)])
        self.y = self.z @ self.place + random.normal(size=n_rows)
        self.s = np.ones(n_rows) if self.weight is None else self.weight
        self.loss = make_loss(loss, **LOSSES[loss])
        self.pieces = self.loss.pieces
        self.block = Block(scipy.sparse.csr_array(X) if form == "CSR" else X, self.y, self.weight)
        self.shifted = form == "shifted"

    def reader(self, width: float) -> Reader:
        return Reader(self.pieces, self.at, self.shifted, width)

    def side(self, piece: Piece, place: Array) -> Array:
        """-1 where the slope of the piece has reached its least, 1 its largest; 0 where it changes."""
        beyond = self.z @ place - self.y - piece.sigma
        return np.where(beyond > piece.c * piece.hi, 1, np.where(beyond < piece.c * piece.lo, -1, 0))

    def near(self, piece: Piece, width: float) -> Array:
        bounds = [bound for bound in (piece.lo, piece.hi) if piece.c * abs(bound) < np.inf]
        beyond = self.z @ self.place - self.y - piece.sigma
        off = [np.abs(beyond - (piece.c * bound if piece.c else 0.0)) for bound in bounds]
        return (self.s > 0) & (np.min(off, axis=0) <= width) if off else np.zeros(self.y.size, dtype=bool)


def assert_rows(found: Near, rows: Rows, kept: list[Array], sides: list[Array]) -> None:
    at = [(k, i) for k, those in enumerate(kept) for i in np.flatnonzero(those)]
    order = np.lexsort((found.y, found.piece))
    at.sort(key=lambda one: (one[0], rows.y[one[1]]))
    index = np.array([i for _, i in at], dtype=int)
    np.testing.assert_array_equal(found.y[order], rows.y[index])
    np.testing.assert_array_equal(found.piece[order], [k for k, _ in at])
    np.testing.assert_array_equal(found.side[order], [sides[k][i] for k, i in at])
    np.testing.assert_array_equal(found.s[order], rows.s[index])
    np.testing.assert_allclose(found.z[order], rows.z[index].reshape(len(index), rows.z.shape[1]), rtol=0, atol=1e-12)


def assert_sums(found: Sums, rows: Rows, far: list[Array], sides: list[Array]) -> None:
    """Straight sides that cost something are three sums each; parabolas are products."""
    products, pull = np.zeros_like(found.products), np.zeros_like(found.pull)
    for k, piece in enumerate(rows.pieces):
        target = rows.y + piece.sigma
        for where, slope in ((-1, piece.lo), (1, piece.hi)):
            s = rows.s * (far[k] & (sides[k] == where)) * bool(slope and np.isfinite(slope))
            assert found.weight[k, where + 1] == pytest.approx(s.sum(), abs=1e-12)
            assert found.y[k, where + 1] == pytest.approx(s @ target, abs=1e-11)
            np.testing.assert_allclose(found.z[k, where + 1], s @ rows.z, atol=1e-11)
        if piece.c:
            s = rows.s * (far[k] & (sides[k] == 0)) / piece.c
            products += (s[:, None] * rows.z).T @ rows.z
            pull += (s * target) @ rows.z
    np.testing.assert_allclose(found.products, products, atol=1e-10)
    np.testing.assert_allclose(found.pull, pull, atol=1e-10)


@pytest.mark.parametrize("width", [0.0, 0.2, np.inf])
@weighted
@form
@loss
def test_rows_near_a_kink_are_kept_and_the_others_summed(loss: str, form: str, weighted: bool, width: float) -> None:
    rows = Rows(loss, form, weighted)
    found = SplitRows(rows.reader(width), rows.place)(rows.block)
    residual = rows.z @ rows.place - rows.y
    assert found.loss == pytest.approx(rows.s @ rows.loss.value_and_derivative(residual)[0], rel=1e-12)
    assert found.squares == pytest.approx(rows.s @ residual**2, rel=1e-12)
    near = [rows.near(piece, width) for piece in rows.pieces]
    sides = [rows.side(piece, rows.place) for piece in rows.pieces]
    assert_rows(found.near.rows, rows, near, sides)
    assert found.near.count == sum(those.sum() for those in near)
    assert_sums(found.far, rows, [~those for those in near], sides)


def test_rows_as_far_from_a_kink_as_the_band_is_wide_are_in_it() -> None:
    """Its width is the distance of one of them: of ties all are in it or none."""
    y = np.array([-0.75, -0.5, 0.25, 0.5, 0.5, 0.75])
    reader = Reader((Piece(0.0, 0.0, -1.0, 1.0),), raw_coordinates(1, True), False, 0.5)
    found = SplitRows(reader, np.zeros(2))(Block(np.ones((6, 1)), y))
    assert found.near.rows.y.tolist() == [-0.5, 0.25, 0.5, 0.5]


@pytest.mark.parametrize("n_places", [2, 3])
@weighted
@form
@loss
def test_rows_that_left_their_side_at_the_last_place_alone_are_strays(
    loss: str, form: str, weighted: bool, n_places: int
) -> None:
    rows, width = Rows(loss, form, weighted), 0.05
    places = (rows.place, *rows.further[: n_places - 1])
    found = FindStrays(rows.reader(width), places)(rows.block)
    residual = rows.z @ places[-1] - rows.y
    assert found.loss == pytest.approx(rows.s @ rows.loss.value_and_derivative(residual)[0], rel=1e-12)
    assert found.squares == pytest.approx(rows.s @ residual**2, rel=1e-12)
    sides = [[rows.side(piece, place) for place in places] for piece in rows.pieces]
    gone = [
        (of[0] != of[-1])
        & np.all([side == of[0] for side in of[1:-1]], axis=0)
        & ~rows.near(piece, width)
        & (rows.s > 0)
        for piece, of in zip(rows.pieces, sides, strict=True)
    ]
    assert sum(those.sum() for those in gone) > 0 or loss == "squared_error"
    assert_rows(found.near.rows, rows, gone, [of[0] for of in sides])


@form
@loss
def test_rows_that_join_those_near_a_kink_leave_the_sums_of_the_others(loss: str, form: str) -> None:
    rows, width = Rows(loss, form, True), 0.05
    split = SplitRows(rows.reader(width), rows.place)(rows.block)
    strays = FindStrays(rows.reader(width), (rows.place, rows.further[0]))(rows.block).near.rows
    joined = split.joined_by(strays, rows.pieces)
    assert joined.near.count == split.near.count + strays.y.size == joined.near.rows.y.size
    assert not joined.near.too_many
    assert (joined.loss, joined.squares) == (split.loss, split.squares)
    sides = [rows.side(piece, rows.place) for piece in rows.pieces]
    far = [
        ~rows.near(piece, width) & ~((sides[k] != rows.side(piece, rows.further[0])) & (rows.s > 0))
        for k, piece in enumerate(rows.pieces)
    ]
    # Sides that cost nothing are no part of the problem: what is left in their sums is never looked at.
    for k, piece in enumerate(rows.pieces):
        for at, slope in ((0, piece.lo), (1, 1.0), (2, piece.hi)):
            if at == 1 or not slope or not np.isfinite(slope):
                joined.far.weight[k, at] = joined.far.y[k, at] = joined.far.z[k, at] = 0.0
    assert_sums(joined.far, rows, far, sides)


@loss
def test_the_interior_points_rows_cost_what_the_loss_does(loss: str) -> None:
    """max a(zθ - y) - ½ca² over lo ≤ a ≤ hi, summed over the rows, each of its weight."""
    rows = Rows(loss, "dense", True)
    kept = SplitRows(rows.reader(np.inf), rows.place)(rows.block).near.rows
    slopes = kept.slopes(rows.pieces)
    r = kept.z @ rows.further[0] - slopes.y
    a = np.where(slopes.c > 0, np.clip(r / np.where(slopes.c > 0, slopes.c, 1.0), slopes.lo, slopes.hi), 0.0)
    a = np.where(slopes.c > 0, a, np.where(r > 0, slopes.hi, slopes.lo))
    known = rows.s @ rows.loss.value_and_derivative(rows.z @ rows.further[0] - rows.y)[0]
    assert float(a @ r - 0.5 * slopes.c @ a**2) == pytest.approx(0.0 if loss == "squared_error" else known, rel=1e-12)


# --------------------------------------------------------------------------------------------- slices, blocks, counts
def arrays(found: Split) -> list[Array]:
    near, far = found.near.rows, found.far
    return [
        np.array([found.loss, found.squares, found.near.count]),
        *(getattr(near, field.name) for field in fields(near)),
        *(getattr(far, field.name) for field in fields(far)),
    ]


@pytest.mark.parametrize("form", FORMS[:3])
@loss
def test_slices_and_blocks_add_up_to_all_rows(loss: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(loss, form, True, n_rows=1100)
    task = SplitRows(rows.reader(0.3), rows.place)
    whole = task(rows.block)
    monkeypatch.setattr(splitting, "SLICE_BYTES", 1)
    monkeypatch.setattr(splitting, "COPIED_BYTES", 1)
    monkeypatch.setattr("downslope.data.block.SLICE_BYTES", 1)
    sliced = task(rows.block)
    first, second = (
        task(Block(rows.block.X[part], rows.y[part], rows.s[part])) for part in (slice(0, 500), slice(500, None))
    )
    for found in (sliced, first + second):
        for mine, known in zip(arrays(found), arrays(whole), strict=True):
            np.testing.assert_allclose(mine.shape, known.shape)
        assert_sums_equal(found.far, whole.far)
        assert np.sort(found.near.rows.y).tolist() == np.sort(whole.near.rows.y).tolist()
        assert (found.loss, found.squares) == pytest.approx((whole.loss, whole.squares), rel=1e-12)


def assert_sums_equal(found: Sums, known: Sums) -> None:
    for field in fields(known):
        mine, its = getattr(found, field.name), getattr(known, field.name)
        np.testing.assert_allclose(mine, its, rtol=1e-11, atol=1e-9)


@form
@loss
def test_a_block_without_rows_adds_nothing(loss: str, form: str) -> None:
    rows = Rows(loss, form, False)
    empty = Block(rows.block.X[:0], rows.y[:0])
    for task in (SplitRows(rows.reader(0.3), rows.place), FindStrays(rows.reader(0.3), (rows.place, rows.place))):
        nothing = task(empty)
        assert (nothing.loss, nothing.squares, nothing.near.count) == (0.0, 0.0, 0)
    whole = SplitRows(rows.reader(0.3), rows.place)(rows.block)
    both = SplitRows(rows.reader(0.3), rows.place)(empty) + whole
    for mine, known in zip(arrays(both), arrays(whole), strict=True):
        np.testing.assert_array_equal(mine, known)


def test_rows_are_kept_as_long_as_they_are_few() -> None:
    rows = Rows("quantile", "dense", True)
    near = SplitRows(rows.reader(np.inf), rows.place)(rows.block).near.rows
    n = near.y.size
    for most, kept in ((n - 1, 0), (n, n), (np.inf, n)):
        few = Few.of(near, most)
        assert (few.rows.y.size, few.count, few.too_many) == (kept, n, kept == 0)
        assert SplitRows(rows.reader(np.inf), rows.place, most)(rows.block).near.rows.y.size == kept
    for most, kept in ((2 * n - 1, 0), (2 * n, 2 * n)):
        both = Few.of(near, most) + Few.of(near, most)
        assert (both.rows.y.size, both.count, both.too_many) == (kept, 2 * n, kept == 0)
    none = near.none()
    assert [getattr(none, field.name).shape for field in fields(none)] == [(0, 4), (0,), (0,), (0,), (0,)]
    assert [getattr(none, field.name).dtype for field in fields(none)] == [
        getattr(near, field.name).dtype for field in fields(near)
    ]
