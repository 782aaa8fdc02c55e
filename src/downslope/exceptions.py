"""Errors and warnings of Downslope.

::

    DownslopeError (Exception)
    ├── InputError (also ValueError)         rows, columns or options that cannot be used
    │   ├── NotNumbersError (also TypeError)            objects where numbers belong
    │   └── MissingDependencyError (also ImportError)   an optional library that is not installed
    └── FileError (also OSError)             a file that cannot be read, written or trusted
    DownslopeWarning (UserWarning)
    ├── DivergenceWarning (also sklearn ConvergenceWarning)    the run blew up; the message says why
    ├── NotConvergedWarning (also sklearn ConvergenceWarning)  the epochs ran out first
    ├── ConstantColumnWarning                columns that carry no information
    ├── CollinearColumnsWarning              coefficients that the rows do not determine
    ├── MissingFontWarning                   no font for the language of a picture
    └── ModelFileWarning                     part of a model that a file could not keep

Every message is one sentence: what was got, what is accepted, what to do.
"""

import sys
from types import FrameType
from typing import Any

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
    "MissingFontWarning",
    "ModelFileWarning",
    "NotConvergedWarning",
    "NotNumbersError",
    "frames_to_user",
]

OURS = ("downslope", "sklearn")


class Saying:
    """An error or a warning that is made from a finding, and says it in the language of the moment."""

    args: tuple[Any, ...]

    @property
    def finding(self) -> Any:
        """The `Finding` that it says; None where it was given a text."""
        said = self.args[0] if self.args else None
        return said if hasattr(said, "remedies") else None


class DownslopeError(Saying, Exception):
    """Base of all errors that Downslope raises on purpose."""


class InputError(DownslopeError, ValueError):
    """Rows, columns or options that cannot be used."""


class NotNumbersError(InputError, TypeError):
    """Objects where numbers belong; scikit-learn and numpy raise `TypeError` for them."""


class MissingDependencyError(InputError, ImportError):
    """An optional library that is not installed; the message names the extra that brings it."""


class FileError(DownslopeError, OSError):
    """A file that cannot be read, written or trusted."""


class DownslopeWarning(Saying, UserWarning):
    """Base of all warnings that Downslope gives."""


class DivergenceWarning(DownslopeWarning, ConvergenceWarning):
    """The run blew up; the message says why, in numbers, and what to try."""


class NotConvergedWarning(DownslopeWarning, ConvergenceWarning):
    """The epochs ran out before the stop rule was met."""


class ConstantColumnWarning(DownslopeWarning):
    """Columns that never change: their coefficient is not determined beside an intercept."""


class CollinearColumnsWarning(DownslopeWarning):
    """Columns that are copies or sums of others: their coefficients are not unique."""


class MissingFontWarning(DownslopeWarning):
    """No font has the letters of the language that a picture was asked for in; its labels are in English."""


class ModelFileWarning(DownslopeWarning):
    """Part of a model that a JSON file could not keep."""


def frames_to_user() -> int:
    """The `stacklevel` of a warning that belongs to the line that called us, or called scikit-learn, which calls us."""
    frame: FrameType | None = sys._getframe(1)
    level = 1
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in OURS:
        frame, level = frame.f_back, level + 1
    return level
