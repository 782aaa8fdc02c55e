"""Every word that appears in a picture, in one table: a language is one more column of it."""

import math

__all__ = ["epoch_text", "number_text", "outcome_text", "say"]

_ENGLISH = {
    "epoch": "epoch",
    "mse": "mean squared error (units of {target}²)",
    "objective": "objective J (mean loss + penalty)",
    "excess": "excess objective J − J*",
    "training": "training rows",
    "validation": "validation rows",
    "optimum": "optimum: {value}",
    "stop_below": "goal: {value}",
    "rounding": "limit of rounding",
    "kept": "best state kept: epoch {epoch}",
    "outcome": "{outcome} at epoch {epoch}",
    "named outcome": "{name}: {outcome} at epoch {epoch}",
    "converged": "converged",
    "goal reached": "error below {value}",
    "stop_below reached": "goal reached",
    "no_improvement": "no further improvement",
    "max_iter": "out of epochs",
    "diverged": "diverged",
    "interrupted": "interrupted",
    "callback": "stopped by a callback",
    "stopped": "stopped",
    "fit number": "fit {number}",
    "coefficient": "coefficient ({target} per unit of column)",
    "weight": "w{number}",
    "only weight": "w",
    "intercept": "intercept",
    "true value": "true value",
    "optimal value": "optimum",
    "other weights": "{count:,} other weights",
    "x": "x",
    "y": "y",
    "rows": "rows",
    "shown rows": "{shown:,} of {count:,} rows",
    "outliers": "outliers",
    "true line": "true line: {equation}",
    "fitted line": "fitted line: {equation}",
    "fitted curve": "fit",
    "equation": "{target} = {slope}·{feature} {sign} {intercept}",
    "predicted": "predicted {target}",
    "true prediction": "{target} of the true weights",
    "actual": "actual {target}",
    "diagonal": "predicted = actual",
    "quality": "R² = {r2}    RMSE = {rmse}",
    "quality without r2": "RMSE = {rmse}    (R² needs values that differ)",
}


def say(key: str, **values: object) -> str:
    """The words for `key`, with their blanks filled.

    Examples
    --------
    >>> say("mse", target="mpg")
    'mean squared error (units of mpg²)'
    """
    return _ENGLISH[key].format(**values)


def number_text(value: float) -> str:
    """A number as short as four digits allow, with a true minus sign.

    Examples
    --------
    >>> number_text(-0.0065012)
    '−0.006501'
    """
    return f"{value:.4g}".replace("-", "−")


def epoch_text(epoch: float) -> str:
    """An epoch number with its thousands marked."""
    return f"{epoch:,.0f}"


def outcome_text(stop_reason: str | None, epoch: float, *, name: str | None, stop_below: float | None) -> str:
    """Why and when a run stopped, in words.

    Examples
    --------
    >>> outcome_text("stop_below", 1070.0, name=None, stop_below=0.0005)
    'error below 0.0005 at epoch 1,070'
    """
    if stop_reason == "stop_below":
        goal = math.nan if stop_below is None else stop_below
        outcome = say("stop_below reached") if math.isnan(goal) else say("goal reached", value=number_text(goal))
    else:
        outcome = say(stop_reason if stop_reason in _ENGLISH else "stopped")
    if name is None:
        return say("outcome", outcome=outcome, epoch=epoch_text(epoch))
    return say("named outcome", name=name, outcome=outcome, epoch=epoch_text(epoch))
