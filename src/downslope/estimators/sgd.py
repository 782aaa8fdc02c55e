"""scikit-learn's SGDRegressor, number for number, with a history, a voice, and several times its speed."""

import time
import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model._base import SparseCoefMixin
from sklearn.model_selection import ShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from downslope.data.meaning import read_numbers
from downslope.data.rows import Rows
from downslope.descent.engines import Engine
from downslope.descent.stopping import StopReason
from downslope.estimators.reading import refuse_other_columns, remember_columns, rows_to_predict
from downslope.estimators.sources import read_rows_in_memory
from downslope.exceptions import DownslopeWarning, InputError, frames_to_user
from downslope.monitor.callbacks import Printed
from downslope.objective.losses import make_loss
from downslope.objective.penalties import make_penalty
from downslope.scikit_sgd.fit import SgdFit, fit_sgd, pass_once
from downslope.scikit_sgd.task import HeldOut, Rule, SgdState, SgdTask
from downslope.texts import Finding, Remedy, say

__all__ = ["SGDRegressor"]

Array = NDArray[Any]

MOST_SEEDS = np.iinfo(np.int32).max
SCHEDULES = {"constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}
LOSSES = {"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}


class SGDRegressor(SparseCoefMixin, RegressorMixin, BaseEstimator):
    """Linear regression by descent on one row after the other: scikit-learn's SGDRegressor, with its numbers.

    For the same parameters and `random_state` the coefficients are those of `sklearn.linear_model.SGDRegressor`
    (1.9), so an import is all that changes. It is several times faster, keeps a history, says why it stopped, and
    warns where scikit-learn is silent: of a run that diverged, and of one that an absolute `tol` ended early.

    Parameters
    ----------
    loss : {"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}, default="squared_error"
    penalty : {"l2", "l1", "elasticnet", None}, default="l2"
    alpha : float, default=1e-4
        The strength of the penalty; the schedule "optimal" is made of it too.
    l1_ratio : float or None, default=0.15
        The share of L1 in the elastic net.
    fit_intercept : bool, default=True
    max_iter : int, default=1000
        The most passes over the rows.
    tol : float or None, default=1e-3
        Stop when the running objective, or the validation score, has not improved by `tol` for `n_iter_no_change`
        passes. It is absolute, in units of the loss: small for a y in thousands, and large for one in thousandths.
    shuffle : bool, default=True
        Whether each pass takes the rows in another order.
    verbose : int, default=0
        Print every so-many-th pass.
    epsilon : float, default=0.1
        Half the width of the tube, or where the Huber loss turns into a straight line, in units of y.
    random_state : int, RandomState or None, default=None
    learning_rate : {"constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}, default="invscaling"
        The rate of update t: eta0; 1/(alpha (t0 + t)); eta0/t^power_t; eta0, divided by 5 whenever `tol` would stop;
        and the passive-aggressive steps, at most or softened by eta0, for the loss "epsilon_insensitive".
    eta0 : float, default=0.01
    power_t : float, default=0.25
    early_stopping : bool, default=False
        Set rows aside and watch the R² on them. The best state is not restored, as there.
    validation_fraction : float, default=0.1
    n_iter_no_change : int, default=5
    warm_start : bool, default=False
        Start from the coefficients of the last fit.
    average : bool or int, default=False
        Give the mean of all iterates, from this update on.

    Attributes
    ----------
    coef_ : array (n_features,)
    intercept_ : array (1,)
    n_iter_ : int
        Passes made.
    t_ : float
        Updates made, and 1.
    history_ : History
        Every pass. Between the first and the last record `objective` and `mse` are running values, each row's measured
        before its update; the last is measured at the coefficients that are returned (`history_.measured` tells).
    stop_reason_ : StopReason
    stop_finding_ : Finding
        Why it stopped, with numbers.
    stop_message_ : str
        The same in the language that is spoken.
    restored_epoch_ : int or None
        The pass that was restored after an overflow, at which scikit-learn raises an error.
    learning_rate_ : float
        The rate of the last update.
    engine_ : Engine
    optimum_, gap_ : None
        Not known here; `GradientDescentRegressor` knows them.
    n_features_in_ : int
    feature_names_in_ : array of str
        Where the columns have names.

    Notes
    -----
    The rows are used as they lie, without a copy, if they are float32 or float64 in C order or CSR; 64-bit indices are
    welcome. Negative weights are refused. Small dense tables of float64 are passed over by Python itself, in
    scikit-learn's order of operations; where there is more to do, the pass is compiled, which takes a few seconds once
    on a machine, for it is kept on disk for all later processes.

    An interrupt (Ctrl-C) during `fit` keeps the model so far, sets `stop_reason_` and raises `KeyboardInterrupt` again.

    Examples
    --------
    >>> import numpy as np
    >>> from downslope import SGDRegressor
    >>> X = np.linspace(-1.0, 1.0, 200).reshape(-1, 1)
    >>> model = SGDRegressor(eta0=0.1, random_state=0).fit(X, 3 * X[:, 0] + 7)
    >>> model.coef_.round(1).tolist(), model.intercept_.round(1).tolist()
    ([3.0], [7.0])
    >>> model.stop_reason_ == "no_improvement", len(model.history_) == model.n_iter_ + 1
    (True, True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "loss": [StrOptions(LOSSES)],
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "shuffle": ["boolean"],
        "verbose": ["verbose"],
        "epsilon": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "learning_rate": [StrOptions(SCHEDULES)],
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, None, None, closed="neither")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "average": [Interval(Integral, 0, None, closed="neither"), "boolean"],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float | None = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        epsilon: float = 0.1,
        random_state: Any = None,
        learning_rate: str = "invscaling",
        eta0: float = 0.01,
        power_t: float = 0.25,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        average: bool | int = False,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average

    def fit(
        self,
        X: Any,
        y: Any = None,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Descend until a stop rule fires.

        Parameters
        ----------
        X : array-like or sparse matrix (n_rows, n_features), or a pandas, polars or pyarrow table
        y : array-like (n_rows,)
        coef_init : array-like (n_features,) or None
        intercept_init : array-like (1,) or None
            Where to start from.
        sample_weight : array-like (n_rows,) or None
            The weight of a row multiplies its steps.

        Returns
        -------
        self

        Raises
        ------
        InputError
            For rows, weights or options that cannot be used.
        KeyboardInterrupt
            After an interrupt; the model so far is kept.
        """
        began = time.perf_counter()
        self._check_options()
        rows, columns = read_rows_in_memory(self, X, y, sample_weight)
        d, goes_on = rows.X.shape[1], self.warm_start and hasattr(self, "coef_")
        if goes_on:
            start = self._state(d, rows.X.dtype)._replace(t=1.0)
            if coef_init is not None or intercept_init is not None:
                no_effect = Finding.of("sgd.no_effect", Remedy("warm_start", False), warm_start=True)
                warnings.warn(DownslopeWarning(no_effect), stacklevel=frames_to_user())
        else:
            start = self._first_state(d, rows.X.dtype, coef_init, intercept_init)
        task = self._task(rows, columns, began)
        done = fit_sgd(task, start)
        self._store(done, columns, start.t)
        if done.reason is StopReason.INTERRUPTED:
            interrupt = KeyboardInterrupt()
            interrupt.add_note(say("sgd.kept", stop=done.finding))
            raise interrupt
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Go on with one pass over a block of rows.

        Records hold running values, each row's measured before its update.

        Parameters
        ----------
        X, y, sample_weight : as `fit` takes them

        Returns
        -------
        self

        Raises
        ------
        InputError
            For rows or options that cannot be used, and for other columns than before; the model stays as it was.
        """
        began = time.perf_counter()
        self._check_options()
        if self.early_stopping and not hasattr(self, "coef_"):
            remedy = Remedy("early_stopping", False)
            raise InputError(Finding.of("sgd.partial_early_stopping", remedy, early_stopping=True))
        rows, columns = read_rows_in_memory(self, X, y, sample_weight)
        d = rows.X.shape[1]
        if hasattr(self, "coef_"):
            refuse_other_columns(self, d, columns)
            start = self._state(d, rows.X.dtype)
        else:
            start = self._first_state(d, rows.X.dtype, None, None)
        done = pass_once(self._task(rows, columns, began), start, getattr(self, "history_", None))
        self._store(done, columns, start.t)
        return self

    def predict(self, X: Any) -> Array:
        """ŷ = ``X @ coef_ + intercept_``.

        Parameters
        ----------
        X : array-like or sparse matrix (n_rows, n_features), or a pandas, polars or pyarrow table

        Returns
        -------
        array (n_rows,)
        """
        array = rows_to_predict(self, X)
        return np.asarray(array @ self._dense_coef() + self.intercept_)

    @property
    def stop_message_(self) -> str:
        """Why the passes ended, with numbers, in the language that is spoken."""
        return str(self.stop_finding_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ---------------------------------------------------------------------------------------------------- options
    def _check_options(self) -> None:
        """Raise for options that cannot be used, alone or together."""
        self._validate_params()
        if self.learning_rate == "optimal" and self.alpha == 0:
            remedies, given = (Remedy("alpha"), Remedy("learning_rate")), {"learning_rate": "optimal", "alpha": 0}
            raise InputError(Finding.of("sgd.optimal_without_alpha", *remedies, **given))
        if self.learning_rate in ("pa1", "pa2") and self.loss != "epsilon_insensitive":
            remedies = (Remedy("loss", "epsilon_insensitive"), Remedy("learning_rate"))
            given = {"learning_rate": self.learning_rate, "loss": self.loss}
            raise InputError(Finding.of("sgd.passive_aggressive", *remedies, **given))
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise InputError(Finding.of("sgd.no_l1_ratio", Remedy("l1_ratio"), penalty="elasticnet", l1_ratio=None))
        if self.power_t < 0:
            negative: Any = Finding.of("sgd.negative_power", Remedy("power_t"))
            warnings.warn(FutureWarning(negative), stacklevel=frames_to_user())

    def _rule(self) -> Rule:
        return Rule(
            make_loss(self.loss, delta=self.epsilon, epsilon=self.epsilon),
            self.penalty,
            self.alpha,
            self.l1_ratio or 0.0,
            self.learning_rate,
            self.eta0,
            self.power_t,
            self.fit_intercept,
            int(self.average),
        )

    def _task(self, rows: Rows, columns: tuple[str, ...] | None, began: float) -> SgdTask:
        """All that the passes need to know; what is random is drawn here, in scikit-learn's order."""
        d, dtype = rows.X.shape[1], rows.X.dtype
        X = rows.X if scipy.sparse.issparse(rows.X) else np.ascontiguousarray(rows.X)
        y = rows.y.astype(dtype, copy=False)
        weight = None if rows.weight is None else rows.weight.astype(dtype, copy=False)
        held_out = self._held_out(X, y, weight) if self.early_stopping else None
        rng = check_random_state(self.random_state)
        seed = int(rng.randint(0, MOST_SEEDS))
        # scikit-learn seeds its dataset too, which shuffles by the other seed.
        rng.randint(1, MOST_SEEDS)
        return SgdTask(
            X=X,
            y=y,
            weight=weight,
            rule=self._rule(),
            penalty=make_penalty(self.penalty, self.alpha, self.l1_ratio or 0.0, d),
            max_iter=self.max_iter,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            seed=seed if self.shuffle else None,
            feature_names=columns,
            held_out=held_out,
            hear=Printed(int(self.verbose), None if columns is None else list(columns)) if self.verbose else None,
            began=began,
        )

    def _held_out(self, X: Any, y: Array, weight: Array | None) -> HeldOut:
        """The rows that early stopping sets aside."""
        given = {"validation_fraction": self.validation_fraction, "n_rows": y.size}
        splitter = ShuffleSplit(test_size=self.validation_fraction, random_state=self.random_state)
        try:
            _, chosen = next(splitter.split(np.zeros((y.size, 1)), y))
        except ValueError as error:
            raise InputError(Finding.of("sgd.nothing_held_out", **given)) from error
        mask = np.zeros(y.size, dtype=bool)
        mask[chosen] = True
        if weight is not None and not weight[mask].any():
            raise InputError(Finding.of("sgd.weightless_held_out", Remedy("random_state"), **given))
        return HeldOut(mask, X[mask], y[mask], None if weight is None else weight[mask])

    # ------------------------------------------------------------------------------------------------------ state
    def _first_state(self, d: int, dtype: Any, coef_init: Any, intercept_init: Any) -> SgdState:
        """The state that a first fit starts from."""
        coef, intercept = np.zeros(d, dtype=dtype), 0.0
        if coef_init is not None:
            coef = read_start(coef_init, "coef_init", dtype).ravel()
            if coef.shape != (d,):
                raise InputError(Finding.of("sgd.coef_init", n_given=coef.size, n_features=d))
        if intercept_init is not None:
            given = read_start(intercept_init, "intercept_init", dtype)
            if given.shape not in ((1,), ()):
                raise InputError(Finding.of("sgd.intercept_init", shape=given.shape))
            intercept = float(given.reshape(-1)[0])
        return SgdState(coef, intercept, np.zeros(d, dtype=dtype) if self.average else None)

    def _state(self, d: int, dtype: Any) -> SgdState:
        """The state that the last fit, or block, led to."""
        coef, intercept = self._dense_coef(), float(np.reshape(self.intercept_, -1)[0])
        if coef.size != d:
            numbers = {"n_features": d, "estimator": type(self).__name__, "expected": coef.size}
            raise InputError(Finding.of("sgd.other_count", Remedy("warm_start", False), **numbers))
        state = SgdState(coef.astype(dtype), intercept, t=float(getattr(self, "t_", 1.0)))
        if not self.average:
            return state
        last: SgdState | None = getattr(self, "_last_state", None)
        if last is None or last.mean_coef is None:
            return state._replace(mean_coef=np.zeros(d, dtype=dtype))
        return last._replace(t=state.t)

    def _dense_coef(self) -> Array:
        """The coefficients as an array (d,), after `sparsify` too."""
        coef: Any = self.coef_
        return coef.toarray().ravel() if scipy.sparse.issparse(coef) else np.asarray(coef)

    def _store(self, done: SgdFit, columns: tuple[str, ...] | None, t: float) -> None:
        """Set the fitted attributes, all at once: a fit that fails leaves those of the last one; then warn."""
        if columns is not None or not hasattr(self, "n_features_in_") or t == 1.0:
            remember_columns(self, int(done.coef.size), columns)
        self.coef_, self.intercept_ = done.coef, np.array([done.intercept])
        self.n_iter_, self.t_ = done.n_iter, t + done.n_iter * done.n_rows
        self.history_, self.stop_reason_, self.stop_finding_ = done.history, done.reason, done.finding
        self.restored_epoch_, self.learning_rate_ = done.restored_epoch, done.rate
        self.engine_ = Engine("stochastic", Finding.of("engine.row_by_row"))
        self.optimum_ = self.gap_ = None
        self._last_state = done.state
        if done.warning is not None:
            warnings.warn(done.warning(done.finding), stacklevel=frames_to_user())


def read_start(values: Any, argument: str, dtype: Any) -> Array:
    """Coefficients or an intercept to start from, a copy; refused where they are no finite numbers."""
    try:
        with np.errstate(all="ignore"):
            found = np.array(read_numbers(values, argument), dtype=dtype)
    except (OverflowError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Finding.of("sgd.start_unreadable", argument=argument, cause=str(error))) from error
    if not np.all(np.isfinite(found)):
        raise InputError(Finding.of("sgd.start_not_finite", argument=argument))
    return found
