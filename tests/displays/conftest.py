"""Pictures are drawn without a screen, leave no figure open and no global setting changed."""

from collections.abc import Iterator

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def clean_matplotlib() -> Iterator[None]:
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    yield
    changed = {key for key, value in matplotlib.rcParams.items() if value != before[key]}
    plt.close("all")
    assert not changed
