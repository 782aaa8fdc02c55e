"""Parts that many findings are made of: lists, and what an error of another library or of the system says."""

import errno
from collections.abc import Sequence
from functools import reduce

from downslope.texts.catalogue import LANGUAGES, templates
from downslope.texts.findings import Finding

__all__ = ["MOST", "cause_of", "enumerate_parts", "quote_names", "system_reason"]

Part = Finding | str
# What a sentence lists before it counts the rest.
MOST = 12


def enumerate_parts(
    parts: Sequence[Part],
    most: int = MOST,
    more: str = "list.more",
    *,
    of: int | None = None,
    between: str = "list.comma",
) -> Part:
    """The first parts with commas between them, and how many more there are, of `of` in all.

    Examples
    --------
    >>> print(enumerate_parts(["a", "b", "c", "d"], most=2))
    a, b and 2 more
    """
    shown = reduce(lambda before, last: Finding.of(between, before=before, last=last), parts[:most])
    left = (len(parts) if of is None else of) - most
    return shown if left <= 0 else Finding.of(more, shown=shown, left=left)


def quote_names(names: Sequence[object]) -> Part:
    """Names in quotes: the first dozen and how many more there are.

    Examples
    --------
    >>> print(quote_names(["a", 1]))
    'a', 1
    """
    return enumerate_parts([repr(name) for name in names])


def cause_of(error: BaseException) -> Part:
    """What an error says: its finding, or else its own words."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, Finding) else str(error)


def system_reason(error: OSError) -> Part:
    """Why the operating system refused, in the language that is spoken where the reason is a common one."""
    code = f"system.{errno.errorcode.get(error.errno or 0)}"
    known = all(code in templates(language) for language in LANGUAGES)
    return Finding.of(code) if known else error.strerror or str(error)
