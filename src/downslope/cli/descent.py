"""A fit under the eyes of somebody at a terminal: progress, epochs as lines, and an interrupt that loses nothing."""

import warnings

from downslope.cli.console import remark
from downslope.cli.outcome import one_line, said_by, warn
from downslope.data.source import Schema, Source
from downslope.descent.engines import Engine, Traits, choose_engine
from downslope.descent.settings import Settings
from downslope.estimators import GradientDescentRegressor
from downslope.exceptions import DivergenceWarning, DownslopeWarning, NotConvergedWarning
from downslope.monitor.callbacks import Printed

__all__ = ["expect_engine", "watch_fit"]

# More rows than any batch has, and whose statistics are smaller than they are.
MANY = 2**62


def expect_engine(model: GradientDescentRegressor, n_features: int = 1, n_rows: int = MANY) -> Engine:
    """The engine that will run a fit, without a look at the rows: of many rows where their number is not known.

    Raises
    ------
    InputError
        Where the engine that is asked for cannot.
    """
    settings = Settings.of(model.get_params(deep=False), n_features)
    return choose_engine(Traits.of(settings, Schema(n_features), n_rows), model.engine)


def watch_fit(model: GradientDescentRegressor, rows: Source, *, every: int = 0) -> list[str]:
    """Fit, and say what the fit warns of; after an interrupt the model so far is kept.

    Parameters
    ----------
    model : GradientDescentRegressor
    rows : Source
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
    lines = Printed(every, rows.schema.spoken_names, remark)
    model.set_params(**({"callbacks": lines} if every else {"progress": True}))
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DownslopeWarning)
            model.fit(rows)
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
