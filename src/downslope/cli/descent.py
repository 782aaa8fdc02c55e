"""A fit under the eyes of somebody at a terminal: progress, epochs as lines, and an interrupt that loses nothing."""

import warnings

from downslope.cli.console import remark
from downslope.cli.outcome import one_line, said_by, warn
from downslope.cli.regressor import TableRegressor
from downslope.cli.rows import Part
from downslope.descent.engines import Engine, Traits, choose_engine
from downslope.exceptions import DivergenceWarning, DownslopeWarning, NotConvergedWarning
from downslope.monitor.callbacks import Printed
from downslope.objective.losses import make_loss
from downslope.objective.penalties import make_penalty
from downslope.steps.rules import make_step_rule

__all__ = ["descend", "expect_engine"]


def expect_engine(model: TableRegressor, n_rows: int, n_features: int) -> Engine:
    """The engine that will run a fit, without a look at the rows.

    Raises
    ------
    InputError
        Where the engine that is asked for cannot.
    """
    loss = make_loss(model.loss, delta=model.delta, epsilon=model.epsilon, quantile=model.quantile)
    rule = make_step_rule(model.method, model.momentum)
    traits = Traits(
        squared=loss.squared,
        linear=rule.linear,
        # The command knows no schedules, and "auto" gives a constant rate to every rule that is linear.
        constant=rule.linear or model.learning_rate != "auto",
        l1=bool(make_penalty(model.penalty, model.alpha, model.l1_ratio, n_features).l1),
        n_parameters=n_features + int(model.fit_intercept),
        n_stored=n_rows * n_features,
        # One row stands for rows that have not been read.
        batched=model.batch_size is not None and not 1 < n_rows <= model.batch_size,
        smoothed=model.learning_rate == "auto" and not loss.squared,
    )
    return choose_engine(traits, model.engine)


def descend(model: TableRegressor, rows: Part, *, every: int = 0) -> list[str]:
    """Fit, and say what the fit warns of; after an interrupt the model so far is kept.

    Parameters
    ----------
    model : TableRegressor
    rows : Part
    every : int
        Print every so-many-th epoch, as the course does; 0 shows the progress of a long fit instead.

    Returns
    -------
    list of str
        The warnings, less those that `model.stop_message_` says anyway.

    Raises
    ------
    KeyboardInterrupt
        Where there is no model yet.
    """
    lines = Printed(every, list(model.column_names), remark)
    model.set_params(**({"callbacks": lines} if every else {"progress": True}))
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DownslopeWarning)
            model.fit(rows.X, rows.y, rows.weight)
    except KeyboardInterrupt:
        if not hasattr(model, "coef_"):
            raise
    finally:
        model.set_params(callbacks=None, progress=False)
        lines.close()
    ending = (DivergenceWarning, NotConvergedWarning)
    kept = [warning.message for warning in caught if not issubclass(warning.category, ending)]
    told = [one_line(said_by(message)) for message in kept]
    for sentence in told:
        warn(sentence)
    return told
