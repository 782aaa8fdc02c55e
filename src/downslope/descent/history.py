"""The history of a descent: every epoch of every weight, in the units of the rows.

Every epoch is kept up to `MOST_RECORDS`; longer runs keep epochs on a grid that doubles its stride with every
octave. Which epochs are kept depends on the length of the run alone, so all engines keep the same ones.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.documents import to_json
from downslope.data.frames import make_frame
from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = ["History", "Record", "Recorder", "Records", "kept_epochs", "kept_of_two", "most_records"]

Array = NDArray[np.float64]

# 10,000 epochs and the start.
MOST_RECORDS = 10_001
MOST_BYTES = 64 * 10**6


class Record(NamedTuple):
    """One epoch, as a callback receives it: the state after `epoch` updates and what was measured there.

    Attributes
    ----------
    epoch : int
    coef : array (d,)
        In the units of the rows, as all that follows.
    intercept : float
    objective : float
        J, the penalty included.
    mse : float
        The mean squared residual.
    gradient_norm : float
    learning_rate : float
    seconds : float
        Since the call of fit.
    validation_mse : float or None

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, make_linear
    >>> data = make_linear(random_state=0)
    >>> def good_enough(record):
    ...     return record.mse < 1e-4
    >>> model = GradientDescentRegressor(standardize=False, callbacks=good_enough).fit(data.X, data.y)
    >>> model.stop_reason_ == "callback", bool(model.history_["mse"][-1] < 1e-4)
    (True, True)
    """

    epoch: int
    coef: Array
    intercept: float
    objective: float
    mse: float
    gradient_norm: float
    learning_rate: float
    seconds: float
    validation_mse: float | None = None


def most_records(n_parameters: int) -> int:
    """How many records a history of so many parameters may hold."""
    return int(max(3, min(MOST_RECORDS, MOST_BYTES // (8 * (n_parameters + 8)))))


def on_grid(epoch: int, level: int) -> bool:
    """Whether an epoch is kept at 2^level epochs an octave; below 0, at one epoch every 2^-level octaves."""
    if level < 0:
        return epoch == 0 or (epoch & (epoch - 1) == 0 and (epoch.bit_length() - 1) % (1 << -level) == 0)
    stride = 1 << max(epoch.bit_length() - level - 1, 0)
    return epoch % stride == 0


def grid(length: int, level: int) -> NDArray[np.int64]:
    """The epochs of 0 … length - 1 on the grid of a level."""
    if level < 0:
        return np.array([k for k in [0, *(1 << j for j in range(64))] if k < length and on_grid(k, level)])
    dense = 2 << level
    parts, start, stride = [np.arange(min(length, dense))], dense, 2
    while start < length:
        parts.append(np.arange(start, min(length, 2 * start), stride))
        start, stride = 2 * start, 2 * stride
    return np.concatenate(parts)


def level_for(length: int, most: int) -> int:
    """The finest grid that leaves at most `most` of the epochs 0 … length - 1, the last one counted in."""
    level = max((most // 2).bit_length() - 1, 0)
    while level > -6 and grid(length, level).size + (not on_grid(length - 1, level)) > most:
        level -= 1
    return level


def kept_epochs(length: int, most: int) -> NDArray[np.int64]:
    """The epochs, of 0 … length - 1, that a history of at most `most` records keeps; always the last one.

    Examples
    --------
    >>> kept_epochs(6, most=10).tolist()
    [0, 1, 2, 3, 4, 5]
    >>> kept_epochs(28, most=16).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 27]
    """
    if length <= most:
        return np.arange(length)
    epochs = grid(length, level_for(length, most))
    return epochs if epochs[-1] == length - 1 else np.append(epochs, length - 1)


def kept_of_two(epochs: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Which records, of these epochs, of two runs that follow each other a history of at most `most` records keeps."""
    if epochs.size <= most:
        return np.arange(epochs.size)
    # The epochs nearest to the grid: the later run kept those of its own grid, begun elsewhere.
    return np.unique(np.searchsorted(epochs, kept_epochs(int(epochs[-1]) + 1, most)))


class History(Mapping[str, Array]):
    """The records of one descent.

    ``history["mse"]`` is one column, an array of one number a record; `coef` (records, features) and
    `intercept` (records,) are the path of the weights. Record 0 is the start.

    Notes
    -----
    The columns are

    epoch
        Updates made.
    objective
        J, the penalty included.
    mse
        The mean squared residual.
    gradient_norm
        The length of the gradient (under L1 of the proximal gradient mapping) in descended coordinates. Not a number
        where it was not measured: then `objective` and `mse` are running values, each row's measured before the update
        that it took part in, during the pass that led there.
    learning_rate
        The rate of the update that led here; at the start that of the first one.
    seconds
        Since the call of fit.
    validation_mse
        Where there are validation rows.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, make_linear
    >>> data = make_linear([3.0, -2.0], random_state=0)
    >>> history = GradientDescentRegressor(max_iter=50, tol=0).fit(data.X, data.y).history_
    >>> history
    <History: 51 records to epoch 50, 2 features>
    >>> history.columns
    ('epoch', 'objective', 'mse', 'gradient_norm', 'learning_rate', 'seconds')
    >>> history["mse"].shape, history.coef.shape
    ((51,), (51, 2))
    """

    def __init__(
        self,
        columns: Mapping[str, Array],
        coef: Array,
        intercept: Array,
        feature_names: tuple[str, ...] | None = None,
    ) -> None:
        self._columns = dict(columns)
        self.coef = coef
        self.intercept = intercept
        self.feature_names = feature_names

    def __getitem__(self, column: str) -> Array:
        if column not in self._columns:
            raise InputError(Finding.of("history.no_column", column=column, known=", ".join(self._columns)))
        return self._columns[column]

    def __contains__(self, column: object) -> bool:
        return column in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """The number of records."""
        return int(self.intercept.shape[0])

    def __repr__(self) -> str:
        n_features = self.coef.shape[1]
        return f"<History: {len(self)} records to epoch {int(self['epoch'][-1])}, {n_features} features>"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._columns)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Whether each record's `objective` and `mse` were measured at its weights, not on the way there.

        Those of the start always are, even where its gradient is not.
        """
        measured: NDArray[np.bool_] = ~np.isnan(self["gradient_norm"]) | (self["epoch"] == 0)
        return measured

    def weight_names(self) -> tuple[str, ...]:
        """The names of the weights: the columns' own, or w for one and w1, w2 … for several."""
        if self.feature_names is not None:
            return self.feature_names
        n_features = self.coef.shape[1]
        return ("w",) if n_features == 1 else tuple(f"w{j}" for j in range(1, n_features + 1))

    def followed_by(self, later: "History") -> "History":
        """The history of two runs, no longer than one may be.

        The later one begins after the last record of this one, or at an earlier one: the records beyond that belong to
        a descent that was given up.
        """
        upto = int(np.searchsorted(self["epoch"], later["epoch"][0]))
        meet = upto < len(self) and bool(self["epoch"][upto] == later["epoch"][0])
        epochs = np.concatenate([self["epoch"][:upto], later["epoch"]]).astype(int)
        most = most_records(later.coef.shape[1] + 1)
        kept = kept_of_two(epochs, most)
        columns = {
            name: np.concatenate([self[name][:upto] if name in self else np.full(upto, np.nan), column])
            for name, column in later.items()
        }
        if meet and upto and "learning_rate" in self and "learning_rate" in columns:
            # Where they meet, the rate that led there.
            columns["learning_rate"][upto] = self["learning_rate"][upto]
        columns = {name: column[kept] for name, column in columns.items()}
        coef = np.concatenate([self.coef[:upto], later.coef])[kept]
        intercept = np.concatenate([self.intercept[:upto], later.intercept])[kept]
        return History(columns, coef, intercept, later.feature_names)

    def upto(self, epoch: int) -> "History":
        """The records of this epoch and those before."""
        kept = self["epoch"] <= epoch
        columns = {name: column[kept] for name, column in self.items()}
        return History(columns, self.coef[kept], self.intercept[kept], self.feature_names)

    def to_dict(self) -> dict[str, list[Any]]:
        """All columns, then the weights by name, then `intercept`, as lists; not-a-number as None."""
        table: dict[str, Array] = dict(self._columns)
        for name, path in zip(self.weight_names(), self.coef.T, strict=True):
            table[f"coef[{name}]" if name in table or name == "intercept" else name] = path
        table["intercept"] = self.intercept
        lists = {name: column.tolist() for name, column in table.items()}
        return {name: [None if v != v else v for v in values] for name, values in lists.items()}

    def to_json(self) -> str:
        """`to_dict` as JSON; infinities are written as null too, which JSON has no number for."""
        return to_json(self.to_dict())

    def to_frame(self) -> Any:
        """`to_dict` as a pandas DataFrame."""
        return make_frame(self.to_dict())


class Records(NamedTuple):
    """What a recorder has kept so far, as a value.

    Attributes
    ----------
    rows : array (records, columns)
    parameters : array (records, p)
    level : int or None
        The grid that records have been thinned to.
    """

    rows: Array
    parameters: Array
    level: int | None


class Recorder:
    """Keeps records as they come, and no more of them than a history may hold; goes on from earlier ones."""

    def __init__(self, n_parameters: int, earlier: Records | None = None) -> None:
        self.most = most_records(n_parameters)
        self.rows: list[tuple[float, ...]] = []
        self.parameters: list[Array] = []
        self._level: int | None = None
        if earlier is not None:
            self.rows = [tuple(row) for row in earlier.rows.tolist()]
            self.parameters, self._level = list(earlier.parameters), earlier.level

    def add(self, row: tuple[float, ...], parameters: Array) -> None:
        """Keep a record: its numbers, the epoch (counted from 0 within the run) first, and its parameters."""
        if self._level is not None and not on_grid(int(self.rows[-1][0]), self._level):
            del self.rows[-1], self.parameters[-1]
        self.rows.append(row)
        self.parameters.append(parameters)
        if len(self.rows) > self.most:
            self._level = level = level_for(int(row[0]) + 1, self.most)
            last = len(self.rows) - 1
            kept = [k for k, row in enumerate(self.rows) if k == last or on_grid(int(row[0]), level)]
            self.rows = [self.rows[k] for k in kept]
            self.parameters = [self.parameters[k] for k in kept]

    def before(self, epoch: int) -> Records:
        """The records of the epochs before this one, from which others go on as if it had never been looked at."""
        n = len(self.rows) - (bool(self.rows) and self.rows[-1][0] >= epoch)
        rows, parameters = (np.array(part[:n]) if n else np.empty((0, 0)) for part in (self.rows, self.parameters))
        return Records(rows, parameters, self._level)
