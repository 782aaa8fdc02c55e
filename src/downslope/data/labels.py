"""Labels of rows that contradict their places: pandas objects are paired by place, and may say otherwise."""

import sys
import warnings
from collections import Counter
from typing import Any

import numpy as np

from downslope.exceptions import DownslopeWarning, InputError, frames_to_user
from downslope.texts import Finding

__all__ = ["refuse_misplaced_labels"]

# Labels that both have, but mostly in other rows, contradict the places from this share of all on.
SHARED = 0.5


def refuse_misplaced_labels(X: Any, y: Any, weight: Any = None) -> None:
    """Hold the labels of y and of the weights against those of X, where pandas gives them labels.

    Equal labels are fine, and so are the numbers 0, 1, 2 … that pandas gives by itself beside others, and labels that
    have nothing in common: such rows belong together by place, as arrays do.

    Raises
    ------
    InputError
        For the same labels in another order.

    Warns
    -----
    DownslopeWarning
        Where at least half of the labels are the same, most of them in other rows.
    """
    first, name = labels_of(X), "X"
    for given, argument in ((y, "y"), (weight, "sample_weight")):
        labels = labels_of(given)
        if labels is None:
            continue
        if first is None:
            first, name = labels, argument
        elif len(first) == len(labels) and not first.equals(labels):
            look(first, labels, name, argument)


def labels_of(values: Any) -> Any:
    """The index of a pandas object; None for anything else."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(values, pandas.DataFrame | pandas.Series):
        return None
    return values.index


def look(first: Any, labels: Any, name: str, argument: str) -> None:
    """Refuse, or warn of, labels that differ."""
    unique = first.is_unique and labels.is_unique
    if unique:
        places = first.get_indexer(labels)
        same = bool(np.all(places >= 0))
    else:
        same = Counter(first) == Counter(labels)
    numbers = {"what": argument, "other": name, "n_rows": len(labels)}
    apart = int(np.argmax(np.asarray(first.to_numpy() != labels.to_numpy()).reshape(-1)))
    numbers |= {"row": apart, "label": spoken(labels[apart]), "expected": spoken(first[apart])}
    if same:
        raise InputError(Finding("labels.other_order" if unique else "labels.other_order_repeated", numbers))
    if not unique or counts_rows(first) or counts_rows(labels):
        return
    found = places >= 0
    shared, in_place = int(found.sum()), int(np.sum(places[found] == np.flatnonzero(found)))
    if shared >= SHARED * len(labels) and in_place < 0.5 * shared:
        numbers |= {"shared": shared, "elsewhere": shared - in_place}
        warnings.warn(DownslopeWarning(Finding("labels.elsewhere", numbers)), stacklevel=frames_to_user())


def counts_rows(labels: Any) -> bool:
    """Whether the labels are the numbers of the rows, which pandas gives where nobody gives any."""
    return bool(labels.dtype.kind in "iu" and np.array_equal(labels.to_numpy(), np.arange(len(labels))))


def spoken(label: Any) -> str:
    """A label in a sentence."""
    return repr(label.item() if isinstance(label, np.generic) else label)
