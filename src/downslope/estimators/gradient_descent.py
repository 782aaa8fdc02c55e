"""Gradient descent, full-batch, by mini-batches or by rows, under scikit-learn's contract."""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from downslope.closed_form.landscape import Landscape
from downslope.data.source import Schema, Source
from downslope.descent.engines import Engine
from downslope.descent.history import Record
from downslope.descent.settings import Settings
from downslope.descent.stopping import StopReason
from downslope.estimators.constraints import CONSTRAINTS
from downslope.estimators.reading import refuse_other_columns, remember_columns
from downslope.estimators.resuming import checkpoints_of, generator_of
from downslope.estimators.sources import (
    heard_by,
    naming_spoilt_columns,
    opened,
    predict_rows,
    read_source,
    refuse_other_validation,
    refuse_spoilt_columns,
    split_source,
)
from downslope.exceptions import DivergenceWarning, InputError, NotConvergedWarning, frames_to_user
from downslope.fitting.explanation import explain_descent
from downslope.fitting.fit import fit
from downslope.fitting.replayable import Replayable
from downslope.fitting.request import Continuation, Limits, Request, Solution
from downslope.fitting.start import Start, draw_start
from downslope.fitting.stream import Pass, Stream, explain_stream, follow
from downslope.fitting.warnings import find_warnings
from downslope.journal import FORGETFUL
from downslope.monitor.callbacks import CallbackSupportMixin, Printed, ScikitLearnCallbacks, with_callbacks
from downslope.monitor.progress import Progress
from downslope.steps.schedules import Schedule
from downslope.texts import Finding, Remedy

__all__ = ["GradientDescentRegressor"]

Array = NDArray[np.float64]
Callback = Callable[[Record], bool | None]


class GradientDescentRegressor(CallbackSupportMixin, RegressorMixin, BaseEstimator):
    """Linear regression by gradient descent that keeps every epoch and says why it stopped.

    Minimises J(w, b) = (1/S) Σ s_i ℓ(ŷ_i - y_i) + α P(w), S being the sum of the weights s_i. For the squared
    loss one read of the rows gives every epoch in closed form.

    Parameters
    ----------
    loss : {"squared_error", "huber", "absolute_error", "quantile", "epsilon_insensitive", \
            "squared_epsilon_insensitive"}, default="squared_error"
        ℓ. The squared error is ½ r², so that a step is the textbook's ``w -= rate * mean(r * x)``.
    delta : float, default=1.35
        Where the Huber loss turns into a straight line, in units of y.
    epsilon : float, default=0.1
        Half the width of the tube of the ε-insensitive losses, in units of y.
    quantile : float, default=0.5
        The quantile of the quantile loss.
    penalty : {"l2", "l1", "elasticnet", None}, default=None
        P belongs to the descended coordinates; the intercept is never penalised.
    alpha : float, default=1e-4
        α, the strength of the penalty.
    l1_ratio : float, default=0.15
        The share of L1 in the elastic net.
    fit_intercept : bool, default=True
    standardize : bool, default=True
        Descend in (x - mean)/σ instead of the units of the rows (without an intercept in x over its root mean
        square). The rows are not copied, and all results are in the units of the rows.
    method : {"auto", "gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "averaged", "saga"}, default="auto"
        "auto" takes plain steps where epochs have a closed form, with a `batch_size` and at a rate that is given, and
        accelerated ones that restart (Beck and Teboulle, 2009; O'Donoghue and Candès, 2015) elsewhere. "saga" remembers
        what each row said last, and so reaches the optimum with mini-batches too (with full batches its steps are
        plain ones); it needs a loss without kinks.
    momentum : float, default=0.9
        β of heavy ball, Nesterov and Adam.
    learning_rate : "auto", float or callable, default="auto"
        η in descended coordinates; a callable gives it for each epoch, counted from 0. "auto" is 1/λ_max of the
        squared loss; for other losses the curvature is measured on the way (Malitsky and Mishchenko, 2020), and
        adaptive methods take a tenth of the distance to go, falling as 1/(1 + epoch/100). With a `batch_size` it is
        1.5 over the curvature of a batch (see `downslope.statistics.row_lengths`), half of that after four epochs, and
        what is recorded and returned is a mean of the places, later ones weighing more.
    batch_size : int or None, default=None
        Rows an update: None takes all of them, 1 is descent row by row. An epoch is a pass over all rows. An update
        costs as much as there are columns, on sparse rows too; those of `SGDRegressor` cost what a row holds.
    max_iter : int, default=10_000
        The most epochs to make; with full batches an epoch is one update.
    tol : float, default=1e-6
        Stop when J - J* is below `tol` times that of the start, the intercept being at its best; where J* is not
        known, when the gradient mapping is below `tol` times the largest gradient met. With a `batch_size` also when
        the objective has not fallen by this share for `n_iter_no_change` epochs. 0 never stops.
    stop_below : float or None, default=None
        Stop as soon as the mean squared error of the training rows is below.
    early_stopping : bool, default=False
        Stop when the error on validation rows stops improving, and return the best epoch.
    validation_fraction : float, default=0.1
        The share of rows set aside for that, unless `fit` is given some.
    n_iter_no_change : int, default=10
        Epochs to wait for an improvement.
    init : {"zeros", "uniform"} or (coef, intercept), default="zeros"
        The start; "uniform" draws each coefficient, then the intercept, from U(-1, 1), in the units of the rows. With
        "zeros" the intercept of mini-batches at an automatic rate begins at the mean of the target.
    shuffle : bool, default=True
        Whether each epoch takes the mini-batches in a new order, and whether rows set aside for validation are drawn
        at random; if not, they are the last ones.
    random_state : int, RandomState or None, default=None
    warm_start : bool, default=False
        Go on where the last fit ended, momentum and schedule included.
    callbacks : list of callables or None, default=None
        Each receives every `Record`; one that returns True stops the run.
    verbose : int, default=0
        Print every so-many-th epoch.
    progress : bool, default=False
        Show on standard error, or in a notebook below the cell, how a fit that takes longer than a second is going and
        how long it will take; see `downslope.monitor.progress`. What `verbose` prints stands above it.
    engine : {"auto", "spectral", "moments", "data", "stochastic"}, default="auto"
        What runs the descent; see `downslope.descent.engines`.
    checkpoint : path of a folder or None, default=None
        Where `fit` keeps, every minute, how far it has come: reads of files and databases, epochs, passes. When the
        process dies the same call goes on from there, and ends at the same bits on the same machine and versions. The
        last two checkpoints are kept, after the end too; with other rows or parameters they are refused. What
        `partial_fit` does is not kept.

    Attributes
    ----------
    coef_ : array (n_features,)
        In the units of the rows, as everything below.
    intercept_ : float
    init_ : (coef, intercept)
        Where the descent began.
    n_iter_ : int
        Updates made since then.
    history_ : History
        Every epoch.
    stop_reason_ : StopReason
        Equal to its short name ("converged"), and printed as a sentence.
    stop_message_ : str
        The same with the numbers of this run; `stop_finding_` is it as data.
    restored_epoch_ : int or None
        The epoch that was restored, where the last one is not the one returned.
    engine_ : Engine
        What ran the descent, with `reason`.
    learning_rate_ : float
        The rate of the last update.
    optimum_ : Optimum or None
        The exact minimum, where it is known: `coef`, `intercept`, `objective`, `digits`, `unique`, `note`.
    gap_ : float or None
        J - J*, where J* is known.
    passes_ : int or None
        How often rows from elsewhere were read, from files, a database, a stream; None for rows in memory.
    landscape_ : Landscape or None
        The bowl that was descended, where the squared loss has one: curvatures, directions, standard errors.
    n_features_in_ : int
    feature_names_in_ : array of str
        Where the columns have names.

    Notes
    -----
    An interrupt (Ctrl-C) during `fit` keeps the model so far, sets `stop_reason_` to "interrupted" and raises
    `KeyboardInterrupt` again, so that what surrounds `fit` stops too; catch it to go on with the model.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, make_linear
    >>> data = make_linear(coef=3.0, intercept=7.0, noise=0.1, random_state=0)
    >>> model = GradientDescentRegressor().fit(data.X, data.y)
    >>> model.coef_.round(1).tolist(), round(model.intercept_, 1), str(model.engine_)
    ([3.0], 7.0, 'spectral')
    >>> model.stop_reason_ == "converged", len(model.history_) == model.n_iter_ + 1
    (True, True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS

    def __init__(
        self,
        *,
        loss: str = "squared_error",
        delta: float = 1.35,
        epsilon: float = 0.1,
        quantile: float = 0.5,
        penalty: str | None = None,
        alpha: float = 1e-4,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        standardize: bool = True,
        method: str = "auto",
        momentum: float = 0.9,
        learning_rate: str | float | Schedule = "auto",
        batch_size: int | None = None,
        max_iter: int = 10_000,
        tol: float | None = 1e-6,
        stop_below: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        init: str | tuple[ArrayLike, float] = "zeros",
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        callbacks: Sequence[Callback] | Callback | None = None,
        verbose: int = 0,
        progress: bool = False,
        engine: str = "auto",
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> None:
        self.loss = loss
        self.delta = delta
        self.epsilon = epsilon
        self.quantile = quantile
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.method = method
        self.momentum = momentum
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.stop_below = stop_below
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.init = init
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.verbose = verbose
        self.progress = progress
        self.engine = engine
        self.checkpoint = checkpoint

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Descend.

        Parameters
        ----------
        X : array-like or sparse matrix (n_rows, n_features), a pandas, polars or pyarrow table, or a source of rows
            A source has its own target and weights.
        y : array-like (n_rows,)
        sample_weight : array-like (n_rows,) or None
            A weight of 2 means the row twice.
        X_val, y_val, sample_weight_val : as above, or None
            Validation rows; with `early_stopping` they decide when to stop.

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
        self._validate_params()
        source, given = read_source(self, X, y, sample_weight, least=2), self._given(X_val, y_val, sample_weight_val)
        refuse_other_validation(source.schema, given)
        going_on = self._continuation(source.schema)
        with checkpoints_of(self, source, given, going_on) as journal:
            rng, schema, options = generator_of(self, journal), source.schema, self.get_params(deep=False)
            start = draw_start(self.init, rng, schema.n_features, fit_intercept=self.fit_intercept)
            seed = 0 if self.batch_size is None else int(rng.randint(2**31 - 1))
            train, held_out = source, given
            if self.early_stopping and given is None:
                train, held_out = split_source(source, self.validation_fraction, rng if self.shuffle else None)
            told = ScikitLearnCallbacks.begin(self, X, y, schema.names)
            progress = Progress() if self.progress else None
            lines = self._lines(schema, progress)
            request = Request(
                train,
                Settings.of(options, schema.n_features),
                Limits.of(options),
                start,
                validation_source=held_out,
                hear=self._listeners(told, lines if self.verbose else None),
                watcher=progress,
                going_on=going_on,
                level=isinstance(self.init, str) and self.init == "zeros",
                shuffle=self.shuffle,
                seed=seed,
                began=began,
                journal=journal or FORGETFUL,
            )
            heard = nullcontext() if progress is None else heard_by(source, progress.hear_rows)
            shown = progress or nullcontext()
            with opened(train), opened(held_out), shown, heard, naming_spoilt_columns(source, given):
                solution = fit(request)
            if journal is not None and solution.reason is not StopReason.INTERRUPTED:
                journal.write()
        # What a read has told of the columns is known by now.
        self._store(solution, source.schema)
        self.passes_: int | None = getattr(source, "passes", None)
        lines.close()
        self._warn(solution)
        if told is not None:
            told.end()
        if solution.reason is StopReason.INTERRUPTED:
            interrupt = KeyboardInterrupt()
            interrupt.add_note(str(solution.finding.then(Finding("estimator.can_predict"))))
            raise interrupt
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Go on with one pass over a block of rows, `batch_size` of them an update (None: the whole block).

        The scales of the columns are those of all blocks so far. `learning_rate="auto"` is 1 over the curvature that
        bounds a batch, from the steepest row so far and the mean length of all, with a mean of the places, later ones
        weighing more; adaptive methods and losses with kinks take shares of the way to go, as the first block tells
        it, that fall with the root of the updates. A schedule is asked for each block.
        Records hold running values, each row's measured before the update that it took part in.

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
        self._validate_params()
        if self.early_stopping or self.method == "saga":
            parameter = "early_stopping" if self.early_stopping else "method"
            needy = Remedy(parameter, getattr(self, parameter))
            raise InputError(Finding.of(f"estimator.partial_fit_{parameter}", needy))
        so_far: Stream | None = getattr(self, "_stream", None)
        exponent = None if so_far is None else so_far.exponent
        source = read_source(self, X, y, sample_weight, whole=False, exponent=exponent)
        stream = self._stream_so_far(source.schema)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        # The steps of a stream are those of mini-batches, whatever the size of a block.
        options = {**self.get_params(deep=False), **({"method": "gd"} if self.method == "auto" else {})}
        settings = Settings.of(options, source.schema.n_features)
        with opened(source), naming_spoilt_columns(source):
            way = Pass(settings, self.shuffle, seed, source.schema.names, time.perf_counter() - began)
            stream = follow(stream, source, way)
            if not np.all(np.isfinite(stream.model[0])):
                refuse_spoilt_columns(source)
        self._store_stream(stream, source.schema)
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
        return predict_rows(self, X)

    def explain(self) -> str:
        """What happened in the fit, in a paragraph with numbers.

        Why it stopped and how far from the optimum; for the squared loss also the rate against the largest stable
        one, which direction is still slow, the coefficient that is farthest from its optimum, and what to change.

        Returns
        -------
        str

        Examples
        --------
        >>> from downslope import GradientDescentRegressor, make_linear
        >>> data = make_linear(coef=3.0, intercept=7.0, noise=0.1, random_state=0)
        >>> model = GradientDescentRegressor(standardize=False, learning_rate=0.5, max_iter=5, tol=0).fit(
        ...     data.X, data.y
        ... )
        >>> print(model.explain())  # doctest: +ELLIPSIS
        Stopped at max_iter = 5 epochs; ... The learning rate 0.5 was 0.3... of the largest stable 1...
        """
        check_is_fitted(self)
        stop, landscape = self.stop_finding_, getattr(self, "landscape_", None)
        if landscape is None:
            return str(stop)
        found = explain_descent(
            landscape,
            Schema(self.n_features_in_, self.history_.feature_names).spoken_names,
            method=self.method,
            n_iter=self.n_iter_,
            rate=self.learning_rate_,
            coef=self.coef_,
            intercept=self.intercept_,
        )
        return str(stop.then(*found))

    @property
    def stop_message_(self) -> str:
        """Why the descent stopped, with the numbers of this run, in the language that is spoken."""
        return str(self.stop_finding_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _given(self, X: Any, y: Any, weight: Any) -> Source | None:
        """The validation rows that `fit` was given, if any."""
        if X is not None:
            return read_source(self, X, y, weight)
        if y is not None or weight is not None:
            raise InputError(Finding("estimator.validation_without_rows"))
        return None

    def _continuation(self, schema: Schema) -> Continuation | None:
        """The run to go on with, if it can."""
        going_on: Continuation | None = getattr(self, "_going_on", None)
        if not self.warm_start or going_on is None:
            return None
        coordinates, remedy = going_on.coordinates, Remedy("warm_start", False)
        kept = {"n_features": coordinates.n_features, "fit_intercept": coordinates.fit_intercept}
        now = {"got_features": schema.n_features, "got_intercept": self.fit_intercept}
        if tuple(kept.values()) != tuple(now.values()):
            raise InputError(Finding("warm_start.other_size", {**kept, **now}, (remedy,)))
        before = tuple(getattr(self, "feature_names_in_", ()))
        if schema.names and before and schema.names != before:
            raise InputError(Finding.of("warm_start.other_columns", remedy, before=before, got=schema.names))
        if self._made_by != (self.method, self.standardize):
            got = (self.method, self.standardize)
            raise InputError(Finding.of("warm_start.other_steps", remedy, before=self._made_by, got=got))
        return going_on

    def _lines(self, schema: Schema, progress: Progress | None) -> Printed:
        """What prints epochs, above the progress where that is shown."""
        write: Callable[[str], Any] = print if progress is None else progress.print
        return Printed(int(self.verbose), None if schema.names is None else schema.spoken_names, write)

    def _listeners(self, told: ScikitLearnCallbacks | None, lines: Printed | None) -> Callable[[Record], bool] | None:
        """One function of a record for the user's callbacks, scikit-learn's, and the printed lines."""
        user = [self.callbacks] if callable(self.callbacks) else list(self.callbacks or ())
        for callback in user:
            if not callable(callback):
                raise InputError(Finding.of("estimator.callback", got=callback))
        ears: list[Callback] = [*user, *(ear for ear in (told, lines) if ear is not None)]
        if not ears:
            return None
        return lambda record: any(list(map(bool, (ear(record) for ear in ears))))

    def _store(self, solution: Solution, schema: Schema) -> None:
        """Set the fitted attributes, all at once: a fit that fails leaves those of the last one."""
        remember_columns(self, int(solution.coef.size), solution.history.feature_names)
        self.coef_ = solution.coef
        self.intercept_ = solution.intercept
        self.init_ = solution.start
        self.n_iter_ = solution.n_iter
        self.history_ = solution.history
        self.stop_reason_ = solution.reason
        self.stop_finding_ = solution.finding
        self.restored_epoch_ = solution.restored_epoch
        self.engine_ = solution.engine
        self.learning_rate_ = solution.learning_rate
        self.optimum_ = None if solution.optimum is None else solution.optimum.of_rounded(schema.rounding)
        self.gap_ = solution.gap
        self.landscape_: Landscape | None = solution.problem.landscape
        self._going_on: Continuation | None = solution.continuation
        self._replayable: Replayable | Finding = solution.replayable
        self._stream: Stream | None = None
        self._made_by = (self.method, self.standardize)

    def _stream_so_far(self, schema: Schema) -> Stream:
        """The stream that partial_fit goes on with: none yet, one begun by a fit, or that of earlier blocks."""
        if not hasattr(self, "coef_"):
            rng = check_random_state(self.random_state)
            start = draw_start(self.init, rng, schema.n_features, fit_intercept=True)
            return Stream(start, start)
        refuse_other_columns(self, schema.n_features, schema.names)
        stream: Stream | None = getattr(self, "_stream", None)
        return stream or Stream((self.coef_, self.intercept_), (self.coef_, self.intercept_))

    def _store_stream(self, stream: Stream, schema: Schema) -> None:
        """Set the fitted attributes after a block, and warn where the stream has blown up."""
        assert stream.history is not None
        if stream.n_blocks == 1:
            self.init_ = Start(stream.history.coef[0], float(stream.history.intercept[0]))
        self._stream, self._going_on, self._replayable = stream, None, Finding("replay.blocks")
        self.coef_, self.intercept_ = stream.model
        if schema.names is not None or not hasattr(self, "n_features_in_"):
            remember_columns(self, int(self.coef_.size), schema.names)
        self.n_iter_, self.history_, self.learning_rate_ = stream.n_blocks, stream.history, stream.rate
        self.optimum_ = self.gap_ = self.landscape_ = self.restored_epoch_ = self.passes_ = None
        self.engine_ = Engine("stochastic", Finding("engine.partial_fit"))
        self.stop_reason_ = StopReason.DIVERGED if stream.diverged else StopReason.MAX_ITER
        self.stop_finding_ = explain_stream(stream)
        if stream.diverged:
            warnings.warn(DivergenceWarning(self.stop_finding_), stacklevel=frames_to_user())

    def _warn(self, solution: Solution) -> None:
        """Warnings with their causes."""
        for warning in find_warnings(solution.problem):
            warnings.warn(warning, stacklevel=frames_to_user())
        if solution.reason is StopReason.DIVERGED:
            warnings.warn(DivergenceWarning(solution.finding), stacklevel=frames_to_user())
        elif solution.falls_short:
            warnings.warn(NotConvergedWarning(solution.finding), stacklevel=frames_to_user())
