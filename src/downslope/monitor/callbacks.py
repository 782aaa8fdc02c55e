"""Who listens to a descent: the user's callables, scikit-learn's callbacks, and the printed lines."""

from collections.abc import Callable
from typing import Any

import numpy as np

from downslope.descent.history import Record

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9 has no callback protocol

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing, where scikit-learn has no callbacks."""

    def with_callbacks(method: Any) -> Any:
        """The method itself, where scikit-learn has no callbacks."""
        return method


__all__ = ["CallbackSupportMixin", "Printed", "ScikitLearnCallbacks", "with_callbacks"]

RULE = "-" * 60


class ScikitLearnCallbacks:
    """Tells the callbacks that were given by `set_callbacks` of every epoch, as scikit-learn's protocol asks."""

    def __init__(self, estimator: Any, X: Any, y: Any, columns: tuple[str, ...] | None = None) -> None:
        self.estimator = estimator
        self.rows = {"X": X, "y": y}
        self.named = {} if columns is None else {"feature_names_in_": np.array(columns, dtype=object)}
        self.context = estimator._init_callback_context(max_subtasks=None)
        self.context.call_on_fit_task_begin(estimator=estimator, **self.rows)

    @classmethod
    def begin(
        cls, estimator: Any, X: Any, y: Any, columns: tuple[str, ...] | None = None
    ) -> "ScikitLearnCallbacks | None":
        """The listener, if the estimator has any callbacks."""
        return cls(estimator, X, y, columns) if getattr(estimator, "_skl_callbacks", None) else None

    def __call__(self, record: Record) -> bool:
        """Tell of one epoch; whether any callback asks to stop."""
        task = self.context.subcontext(task_name=f"epoch {record.epoch}")
        task.call_on_fit_task_begin(estimator=self.estimator, **self.rows)
        numbers = {"coef_": record.coef, "intercept_": record.intercept, "n_iter_": record.epoch}
        fitted = {**numbers, "n_features_in_": record.coef.size, **self.named}
        return bool(task.call_on_fit_task_end(estimator=self.estimator, **self.rows, reconstruction_attributes=fitted))

    def end(self) -> None:
        """The fit is over."""
        self.context.call_on_fit_task_end(estimator=self.estimator, **self.rows, reconstruction_attributes={})


class Printed:
    """Prints every `every`-th epoch, the weights and their own error together, and the last one after a rule.

    Examples
    --------
    >>> import numpy as np
    >>> line = Printed(5)
    >>> record = Record(5, np.array([-0.14031]), 0.7477, 0.5, 0.01775, 0.1, 0.5, 0.0)
    >>> line(record)
     5 w = -0.14031, b = 0.74770 error = 0.01775
    >>> line.close()
    ------------------------------------------------------------
     5 w = -0.14031, b = 0.74770 error = 0.01775
    """

    def __init__(self, every: int, names: list[str] | None = None, write: Callable[[str], Any] = print) -> None:
        self.every = every
        self.names = names
        self.write = write
        self.last: Record | None = None

    def __call__(self, record: Record) -> None:
        """Print the record, if it is its turn."""
        self.last = record
        if record.epoch % self.every == 0:
            self.write(self.line(record))

    def close(self) -> None:
        """Print the last record after a rule of dashes."""
        if self.last is not None:
            self.write(f"{RULE}\n{self.line(self.last)}")

    def line(self, record: Record) -> str:
        """One record as the course prints it, in Korean too: a line of its program, not a sentence."""
        n_features = record.coef.size
        names = self.names or (["w"] if n_features == 1 else [f"w{j}" for j in range(1, n_features + 1)])
        weights = ", ".join(f"{name} = {number(w)}" for name, w in zip(names, record.coef, strict=True))
        return f"{record.epoch:2d} {weights}, b = {number(record.intercept)} error = {number(record.mse)}"


def number(value: float) -> str:
    """Five decimals where they say something, five digits elsewhere."""
    value = float(value)
    return f"{value:.5f}" if value == 0 or 1e-5 <= abs(value) < 1e6 else f"{value:.4e}"
