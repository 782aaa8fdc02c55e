"""The bowl of a problem before any descent: its curvatures, its stable and best rates, the epochs they take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.landscape import Landscape
from downslope.steps.automatic_rate import curvature_rate
from downslope.steps.rules import fastest_heavy_ball, fastest_nesterov, fastest_plain, make_step_rule

__all__ = ["SHARES", "Bowl", "Pace", "Prospect", "Share", "bowl_of", "prospect"]

Array = NDArray[np.float64]

# Of the excess that the start has with the intercept at its best, as `tol` counts it.
SHARES = (1e-2, 1e-4, 1e-6)
HORIZON = 10**9
MOST_SHARES = 3
# The descents that every bowl is looked at with.
N_USUAL = 4


class Share(NamedTuple):
    """A column, and the share of a direction's length that is its own (squared components add up to 1)."""

    column: str
    share: float


class Pace(NamedTuple):
    """A rate with its momentum (0 for plain steps)."""

    learning_rate: float
    momentum: float


class Prospect(NamedTuple):
    """How a descent will go.

    Attributes
    ----------
    method : str
    momentum : float or None
    learning_rate : float
    stable : bool
    epochs : tuple of int or None
        The first epoch at which J - J* is at most each of `SHARES` of that of the start (the intercept being at its
        best there, as for `tol`); None where that is not within 10⁹ epochs, or never.
    """

    method: str
    momentum: float | None
    learning_rate: float
    stable: bool
    epochs: tuple[int | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        reached = {f"{share:g}": epoch for share, epoch in zip(SHARES, self.epochs, strict=True)}
        return {**self._asdict(), "epochs": reached}


@dataclass(frozen=True)
class Bowl:
    """The squared loss in one choice of coordinates.

    Attributes
    ----------
    standardize : bool
    eigenvalues : tuple of float
        λ, falling, the intercept's direction included.
    condition : float
        λ_max/λ_min of the directions that change anything.
    n_flat : int
        Directions that change nothing.
    steepest, flattest : tuple of Share
        The columns that dominate λ_max and λ_min.
    largest_stable : float
        2/λ_max: plain steps settle below.
    fastest : float
        2/(λ_max + λ_min): the plain rate that is fastest in the long run.
    largest_stable_momentum, largest_stable_nesterov : float
        The same for heavy ball and Nesterov with the momentum that was asked for.
    heavy_ball, nesterov : Pace
        The best rates and momenta (Polyak, 1964; Lessard, Recht and Packard, 2016).
    prospects : tuple of Prospect
        The descent that was asked for, if its rule has a closed form and it is none of these: plain steps at
        1/λ_max and at the fastest rate, heavy ball and Nesterov at their best.

    Examples
    --------
    >>> from downslope import diagnose, make_linear
    >>> data = make_linear([0.3, 0.5, 0.7], random_state=0)
    >>> bowl = diagnose(data.X, data.y).raw
    >>> round(bowl.largest_stable, 3), round(bowl.fastest, 3)
    (1.045, 1.025)
    """

    standardize: bool
    eigenvalues: tuple[float, ...]
    condition: float
    n_flat: int
    steepest: tuple[Share, ...]
    flattest: tuple[Share, ...]
    largest_stable: float
    fastest: float
    largest_stable_momentum: float
    largest_stable_nesterov: float
    heavy_ball: Pace
    nesterov: Pace
    prospects: tuple[Prospect, ...]

    @property
    def asked(self) -> Prospect | None:
        """Of the descent that was asked for, where it is none of the usual ones."""
        return self.prospects[0] if len(self.prospects) > N_USUAL else None

    @property
    def plain(self) -> Prospect:
        """Of plain steps at 1/λ_max, which is what learning_rate="auto" takes."""
        return self.prospects[-N_USUAL]

    @property
    def limits(self) -> dict[str, float]:
        """The largest stable rate of each method, with the momentum that was asked for."""
        return {
            "gd": self.largest_stable,
            "momentum": self.largest_stable_momentum,
            "nesterov": self.largest_stable_nesterov,
        }

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        return {
            "standardize": self.standardize,
            "eigenvalues": list(self.eigenvalues),
            "condition": self.condition,
            "n_flat_directions": self.n_flat,
            "steepest": [share._asdict() for share in self.steepest],
            "flattest": [share._asdict() for share in self.flattest],
            "largest_stable_rate": self.limits,
            "fastest_plain_rate": self.fastest,
            "best_heavy_ball": self.heavy_ball._asdict(),
            "best_nesterov": self.nesterov._asdict(),
            "prospects": [known.to_dict() for known in self.prospects],
        }


def bowl_of(
    landscape: Landscape, start: Array, names: Sequence[str], asked: Iterable[tuple[str, float, float]], momentum: float
) -> Bowl:
    """The bowl, and how descents from `start` (p,) will go in it.

    Parameters
    ----------
    landscape : Landscape
    start : array (p,)
    names : sequence of str
        The d columns.
    asked : iterable of (method, momentum, rate)
        Descents to look at beside the usual ones.
    momentum : float
        The β that stable rates are told for.
    """
    spectrum = landscape.spectrum
    steep, flat = spectrum.largest, spectrum.smallest
    heavy_ball, nesterov = Pace(*fastest_heavy_ball(steep, flat)), Pace(*fastest_nesterov(steep, flat))
    fastest = fastest_plain(steep, flat)
    usual = [
        ("gd", 0.0, curvature_rate(steep)),
        ("gd", 0.0, fastest),
        ("momentum", heavy_ball.momentum, heavy_ball.learning_rate),
        ("nesterov", nesterov.momentum, nesterov.learning_rate),
    ]
    tried = [*(descent for descent in asked if descent not in usual), *usual]
    columns = [*names, "intercept"]
    return Bowl(
        standardize=bool(np.any(landscape.coordinates.inverse_scale != 1.0)),
        eigenvalues=tuple(map(float, landscape.eigenvalues)),
        condition=landscape.condition,
        n_flat=int(spectrum.n_null),
        steepest=shares(spectrum.directions[:, 0], columns),
        flattest=shares(spectrum.directions[:, spectrum.singular.size - spectrum.n_null - 1], columns),
        largest_stable=landscape.stable_rate(make_step_rule("gd")),
        fastest=fastest,
        largest_stable_momentum=landscape.stable_rate(make_step_rule("momentum", momentum)),
        largest_stable_nesterov=landscape.stable_rate(make_step_rule("nesterov", momentum)),
        heavy_ball=heavy_ball,
        nesterov=nesterov,
        prospects=tuple(prospect(landscape, start, *descent) for descent in tried),
    )


def shares(direction: Array, columns: Sequence[str]) -> tuple[Share, ...]:
    """The columns with the largest shares in a direction (p,)."""
    squares = direction**2 / float(direction @ direction)
    order = np.argsort(-squares, kind="stable")[:MOST_SHARES]
    return tuple(Share(columns[j], float(squares[j])) for j in order if squares[j] >= 0.01)


def prospect(landscape: Landscape, start: Array, method: str, momentum: float, rate: float) -> Prospect:
    """How one descent will go."""
    rule = make_step_rule(method, momentum)
    forecast, stable = landscape.forecast(rule, np.array([rate]), start), landscape.settles(rule, rate)
    reference = landscape.reference_excess(start)
    epochs = [forecast.first_below(share * reference, HORIZON)[0] if stable else np.nan for share in SHARES]
    named = None if method == "gd" else float(momentum)
    return Prospect(method, named, float(rate), stable, tuple(None if np.isnan(k) else int(k) for k in epochs))
