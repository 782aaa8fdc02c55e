"""Errors and warnings of Downslope.

::

    DownslopeError (Exception)
    ├── InputError (also ValueError)         rows, columns or options that cannot be used
    │   └── MissingDependencyError (also ImportError)   an optional library that is not installed
    └── FileError (also OSError)             a file that cannot be read, written or trusted
    DownslopeWarning (UserWarning)
    ├── DivergenceWarning (also sklearn ConvergenceWarning)    the run blew up; the message says why
    ├── NotConvergedWarning (also sklearn ConvergenceWarning)  the epochs ran out first
    ├── ConstantColumnWarning                columns that carry no information
    ├── CollinearColumnsWarning              coefficients that the rows do not determine
    └── ModelFileWarning                     part of a model that a file could not keep

Every message is one sentence: what was got, what is accepted, what to do.
"""

from sklearn.exceptions import ConvergenceWarning

__all__ = [
    "CollinearColumnsWarning",
    "ConstantColumnWarning",
    "DivergenceWarning",
    "DownslopeError",
    "DownslopeWarning",
    "FileError",
    "InputError",
    "MissingDependencyError",
    "ModelFileWarning",
    "NotConvergedWarning",
]


class DownslopeError(Exception):
    """Base of all errors that Downslope raises on purpose."""


class InputError(DownslopeError, ValueError):
    """Rows, columns or options that cannot be used."""


class MissingDependencyError(InputError, ImportError):
    """An optional library that is not installed; the message names the extra that brings it."""


class FileError(DownslopeError, OSError):
    """A file that cannot be read, written or trusted."""


class DownslopeWarning(UserWarning):
    """Base of all warnings that Downslope gives."""


class DivergenceWarning(DownslopeWarning, ConvergenceWarning):
    """The run blew up; the message says why, in numbers, and what to try."""


class NotConvergedWarning(DownslopeWarning, ConvergenceWarning):
    """The epochs ran out before the stop rule was met."""


class ConstantColumnWarning(DownslopeWarning):
    """Columns that never change: their coefficient is not determined beside an intercept."""


class CollinearColumnsWarning(DownslopeWarning):
    """Columns that are copies or sums of others: their coefficients are not unique."""


class ModelFileWarning(DownslopeWarning):
    """Part of a model that a JSON file could not keep."""
