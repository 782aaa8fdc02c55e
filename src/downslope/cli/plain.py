"""Sentences that the library still gives as text instead of findings, in the words of the command."""

# A bridge: it goes as soon as `fitting`, `diagnosis`, `sweeps`, `saving` and `estimators` give findings. What it is
# asked to say is then said by `str`, and `invalid_parameter` is what remains, of scikit-learn's own sentences.

import re

from downslope.cli.naming import name_option

__all__ = ["in_options"]

# Parameters that sentences name alone, and those that are words as well and are named with a value only.
SPOKEN = "max_iter|batch_size|stop_below|learning_rates?|early_stopping|validation_fraction|random_state|l1_ratio"
SET = "method|penalty|loss|engine|init|alpha|delta|momentum|standardize"
# Not in a quoted name, a path or the name of a file.
START = r"(?<![\w'\"/.-])"
WITH_VALUE = re.compile(rf"{START}({SET}|{SPOKEN})=('?[\w.+-]*\w'?)")
ALONE = re.compile(rf"{START}({SPOKEN})(?![\w'\"/-]|\.\w)")


def in_options(said: object) -> str:
    """What the library says, with parameters named as options; a finding names them itself.

    Examples
    --------
    >>> in_options("Raise max_iter, or try method='nesterov'.")
    'Raise --max-iter, or try --method nesterov.'
    """
    if not isinstance(said, str):
        return str(said)
    said = WITH_VALUE.sub(lambda found: name_option(found[1], found[2]), said)
    return ALONE.sub(lambda found: name_option(found[1], None), said)
