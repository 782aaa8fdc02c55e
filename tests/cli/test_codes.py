"""A fit warns of codes for missing values, and names the option that reads them so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Call


def test_codes_are_warned_of_and_their_option_helps(call: Call, write: Callable[..., Path]) -> None:
    rng = np.random.default_rng(12)
    a, b = rng.uniform(20, 30, size=(2, 90)).round(2)
    y = (3 * a - b + rng.normal(size=90)).round(3)
    a[[5, 17, 60]] = -9999
    table = write(a=a, b=b, y=y)
    answer = call("fit", table, "-t", "y", "--json")
    assert answer.err == (
        "downslope: warning: 'a' holds -9999 in 3 of 90 rows looked at, far from all its other values, and it is taken "
        "for a number. To read -9999 in 'a' as a missing value, give --na=a:-9999 and --missing drop.\n"
    )
    assert answer.document["warnings"] == [answer.err.removeprefix("downslope: warning: ").rstrip("\n")]
    mended = call("fit", table, "-t", "y", "--na=a:-9999", "--missing", "drop", "--json")
    assert mended.err == ""
    assert mended.document["coef"]["a"] == pytest.approx(3, abs=0.2)
    assert "3 rows of 90 left out" in mended.document["notes"][0]
