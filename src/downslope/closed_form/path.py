"""Every epoch in closed form: plain descent, heavy ball and Nesterov on the squared loss at a constant rate.

Along each direction of the spectrum a step is the same small matrix, so k steps are its k-th power. With
singular values s, curvatures λ = s², rate η, h = ηλ and momentum β, a direction carries three numbers: the
residual ρ (the excess J - J* is ½Σρ²), the velocity v divided by s, and the path D it has summed up, from which
θ_k = θ_0 - ηV(s·D_k). Powers are taken by squaring, which is exact at double roots too; the path is summed and not
divided by λ, so directions of almost no curvature keep their digits.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.descent.history import kept_epochs, most_records
from downslope.descent.loop import Outcome, Row, Task
from downslope.descent.state import Best, State, better
from downslope.descent.stopping import StopReason, Watch
from downslope.statistics.quadratic import Quadratic, Spectrum, half_squares
from downslope.steps.rules import StepRule

__all__ = ["ClosedForm", "contractions", "descend_spectrum", "powers"]

Array = NDArray[np.float64]

# Numbers held at once while the stopping epoch is searched for: 4 MB.
CHUNK_NUMBERS = 2**19


def step_matrices(rule: StepRule, h: Array) -> Array:
    """One update of (ρ, v/s, D) along each direction, (3, 3, p)."""
    beta = rule.inertia
    ahead = beta if rule.looks_ahead else 0.0
    moved = np.array([1.0 + ahead, beta * (ahead or 1.0), 0.0])
    matrices = np.empty((3, 3, h.size))
    matrices[0] = np.array([[1.0], [0.0], [0.0]]) - h * moved[:, None]
    matrices[1] = np.array([[1.0], [beta], [0.0]])
    matrices[2] = (moved + np.array([0.0, 0.0, 1.0]))[:, None]
    return matrices


def contractions(rule: StepRule, h: Array) -> Array:
    """The largest root, in size, of one update of (ρ, v/s) along each direction, (p,); NaN for rules not linear."""
    if not rule.linear:
        return np.full(h.size, np.nan)
    roots = np.abs(np.linalg.eigvals(np.moveaxis(step_matrices(rule, h)[:2, :2], 2, 0)))
    largest: Array = roots.max(axis=1)
    return largest


def apply(matrices: Array, states: Array) -> Array:
    """The matrices (c, c, p) on states (c, k, p), or (c, c, k, p) of their own for each of k."""
    moved = np.empty_like(states)
    for i, row in enumerate(matrices):
        np.multiply(row[0], states[0], out=moved[i])
        for j in range(1, len(row)):
            if row[j].any():
                moved[i] += row[j] * states[j]
    return moved


def product(first: Array, second: Array) -> Array:
    """The product of matrices (c, c, p) along each direction."""
    matrices: Array = np.einsum("ijp,jkp->ikp", first, second)
    return matrices


def powers(matrices: Array, start: Array, epochs: NDArray[np.int64]) -> Array:
    """The states (c, len(epochs), p) after each of `epochs` steps from `start` (c, p).

    `epochs` rise from 0, and with e in [L, 2L), L a power of two, hold e - L too: then all of them cost one
    product each. An epoch for which they do not is reached by the powers of its binary digits.
    """
    states = np.empty((start.shape[0], epochs.size, start.shape[1]))
    states[:, 0] = start
    done, reach, doubled = 1, 1, matrices
    while done < epochs.size:
        stop = int(np.searchsorted(epochs, 2 * reach))
        wanted = epochs[done:stop] - reach
        places = np.minimum(np.searchsorted(epochs[:done], wanted), done - 1)
        consecutive = np.array_equal(wanted, epochs[:done])
        known = states[:, :done] if consecutive else states[:, places]
        states[:, done:stop] = apply(doubled, known)
        for k in np.flatnonzero(epochs[places] != wanted):
            states[:, done + k] = single_power(matrices, start, int(epochs[done + k]))
        done, reach, doubled = stop, 2 * reach, product(doubled, doubled)
    return states


def single_power(matrices: Array, start: Array, epoch: int) -> Array:
    """The state (c, p) after `epoch` steps."""
    state, doubled = start[:, None], matrices
    while epoch:
        if epoch & 1:
            state = apply(doubled, state)
        doubled, epoch = product(doubled, doubled), epoch >> 1
    return state.squeeze(axis=1)


@dataclass(frozen=True)
class ClosedForm:
    """All epochs of one descent.

    Attributes
    ----------
    spectrum : Spectrum
        Of the smooth objective, L2 included.
    half_mse : Quadratic or None
        The loss alone where a penalty makes it another function.
    rule : StepRule
        A linear one.
    rate : float
    origin : array (p,)
        The parameters at the start.
    velocity : array (p,) or None
        Of a descent that goes on.
    """

    spectrum: Spectrum
    half_mse: Quadratic | None
    rule: StepRule
    rate: float
    origin: Array
    velocity: Array | None = None

    @property
    def matrices(self) -> Array:
        """One update along each direction, (3, 3, p)."""
        return step_matrices(self.rule, self.rate * self.spectrum.eigenvalues)

    @property
    def start(self) -> Array:
        """(ρ, v/s, D) at the start, (3, p)."""
        spectrum = self.spectrum
        state = np.zeros((3, spectrum.singular.size))
        state[0] = spectrum.residual(self.origin)
        if self.velocity is not None:
            along = self.velocity @ spectrum.directions
            state[1] = np.divide(along, spectrum.singular, out=np.zeros_like(along), where=spectrum.effective)
        return state

    def excess(self, states: Array) -> Array:
        """J - J* of each state, (k,)."""
        return half_squares(states[0])

    def parameters(self, states: Array) -> Array:
        """θ of each state, (k, p)."""
        spectrum = self.spectrum
        path: Array = self.origin - (self.rate * states[2] * spectrum.singular) @ spectrum.directions.T
        return path

    def velocities(self, state: Array) -> Array:
        """v of one state (3, p), (p,)."""
        return np.asarray(self.spectrum.directions @ (self.spectrum.singular * state[1]))

    def mse(self, excess: Array, parameters: Array) -> Array:
        """The mean squared error of each state, (k,)."""
        if self.half_mse is None:
            return 2.0 * (self.spectrum.minimum + excess)
        return 2.0 * self.half_mse.values(parameters)

    def chunks(self, last: int, *, with_path: bool = True) -> Iterator[tuple[int, Array]]:
        """The states of all epochs 0 … last, in chunks (first epoch, states) that double in length.

        The path D feeds back into nothing: where only the excess is asked for, it is left out.
        """
        matrices, state = self.matrices, self.start
        if not with_path:
            matrices, state = matrices[:-1, :-1], state[:-1]
        first, size = 0, 64
        largest = max(size, CHUNK_NUMBERS // state.size)
        while first <= last:
            states = powers(matrices, state, np.arange(min(size, last - first + 1)))
            yield first, states
            state = apply(matrices, states[:, -1:]).squeeze(axis=1)
            first, size = first + states.shape[1], min(2 * size, largest)

    @property
    def stable(self) -> bool:
        """Whether the excess stays bounded for ever."""
        return self.rate * self.spectrum.largest <= self.rule.stable_product

    @property
    def monotone(self) -> bool:
        """Whether the excess can only fall: plain steps at a stable rate."""
        return self.stable and not self.rule.carries_velocity


@dataclass(frozen=True)
class EpochColumns:
    """What the stop rules look at, for consecutive epochs."""

    objective: Array
    mse: Array
    gradient_norm: Array
    excess: Array
    parameters: Array
    validation: Array


def measure_epochs(path: ClosedForm, states: Array, validation: Quadratic | None) -> EpochColumns:
    """The columns of states (3, k, p)."""
    with np.errstate(over="ignore", invalid="ignore"):
        excess, parameters = path.excess(states), path.parameters(states)
        slope = states[0] * path.spectrum.singular
        largest = np.abs(slope).max(axis=1)
        safe = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        return EpochColumns(
            path.spectrum.minimum + excess,
            path.mse(excess, parameters),
            safe * np.linalg.norm(slope / safe[:, None], axis=1),
            excess,
            parameters,
            np.full(excess.size, np.nan) if validation is None else 2.0 * validation.values(parameters),
        )


def descend_spectrum(task: Task, path: ClosedForm, state: State, validation: Quadratic | None = None) -> Outcome:
    """The outcome of `task`, as `descent.descend` would give it, from the closed form."""
    remembers = task.listener is not None or task.stopping.patience is not None
    heard = listen(task, path, state, validation) if remembers else search(task, path, state)
    epochs = kept_epochs(heard.length + 1, most_records(state.parameters.size))
    states = powers(path.matrices, path.start, epochs)
    seen = measure_epochs(path, states, validation)
    rows = np.empty((epochs.size, len(Row._fields)))
    rows[:, 0] = epochs + state.epoch
    rows[:, 1], rows[:, 2], rows[:, 3] = seen.objective, seen.mse, seen.gradient_norm
    rows[:, 4], rows[:, 5], rows[:, 6] = path.rate, time.perf_counter() - task.began, seen.validation
    end = state_at(path, states[:, -1], seen.parameters[-1], int(rows[-1, 0]), heard.watch)
    best = heard.best
    if not remembers:
        lowest = int(np.nanargmin(np.where(np.isfinite(seen.objective), seen.objective, np.inf)))
        place = state_at(path, states[:, lowest], seen.parameters[lowest], int(rows[lowest, 0]), state.watch)
        best = better(place._replace(best=state.best), float(seen.objective[lowest]), place.parameters)
    return Outcome(heard.reason, rows, seen.parameters, end._replace(best=best))


def state_at(path: ClosedForm, numbers: Array, parameters: Array, epoch: int, watch: Watch) -> State:
    """The state of the descent whose numbers along the directions are `numbers` (3, p)."""
    rule = path.velocities(numbers) if path.rule.carries_velocity else None
    return State(parameters, rule, epoch=epoch, watch=watch)


class Heard(NamedTuple):
    """How many epochs a descent makes, why it stops, and what it remembers then: the best record only of `listen`."""

    length: int
    reason: StopReason
    watch: Watch
    best: Best | None = None


def search(task: Task, path: ClosedForm, state: State) -> Heard:
    """The first epoch (counted from `state`) at which a rule fires, and the rule."""
    rules, last = task.stopping, task.stopping.last_epoch - state.epoch
    if path.stable and rules.stop_below is None and rules.excess_below is None:
        return Heard(last, StopReason.MAX_ITER, state.watch)
    if path.monotone and (path.half_mse is None or rules.stop_below is None):
        return bisect(task, path, last, state)
    for first, states in path.chunks(last, with_path=path.half_mse is not None):
        with np.errstate(over="ignore", invalid="ignore"):
            excess = path.excess(states)
            mse = path.mse(excess, path.origin if path.half_mse is None else path.parameters(states))
        epochs = state.epoch + first + np.arange(excess.size)
        fired = [
            (int(np.argmax(fires)), reason)
            for reason, fires in rules.rules(epochs, path.spectrum.minimum + excess, mse, excess, np.inf, state.watch)
            if np.any(fires)
        ]
        if fired:
            at, reason = min(fired, key=lambda found: found[0])
            return Heard(first + at, reason, state.watch)
    raise AssertionError("the epochs end with max_iter")


def bisect(task: Task, path: ClosedForm, last: int, state: State) -> Heard:
    """As `search`, where all that the rules look at can only fall: by halving."""
    matrices, start = path.matrices, path.start

    def reason_at(epoch: int) -> StopReason | None:
        excess = path.excess(single_power(matrices, start, epoch)[:, None])
        objective, mse = path.spectrum.minimum + excess.item(), path.mse(excess, path.origin[None]).item()
        return task.stopping.reason(state.epoch + epoch, objective, mse, excess.item(), np.inf, state.watch)

    before, after = -1, last
    while after - before > 1:
        middle = (before + after) // 2
        if reason_at(middle) is None:
            before = middle
        else:
            after = middle
    reason = reason_at(after)
    assert reason is not None
    return Heard(after, reason, state.watch)


def listen(task: Task, path: ClosedForm, state: State, validation: Quadratic | None) -> Heard:
    """As `search`, an epoch at a time, for rules that remember and for listeners."""
    at, numbers_of_best = state, None
    for first, states in path.chunks(task.stopping.last_epoch - state.epoch):
        seen = measure_epochs(path, states, validation)
        for k in range(states.shape[1]):
            at = at._replace(parameters=seen.parameters[k], epoch=state.epoch + first + k)
            row = Row(
                at.epoch,
                float(seen.objective[k]),
                float(seen.mse[k]),
                float(seen.gradient_norm[k]),
                path.rate,
                time.perf_counter() - task.began,
                float(seen.validation[k]),
            )
            checked = None if validation is None else row.validation_mse
            watch = task.stopping.watch(at.watch, 0.0, row.gradient_norm, checked)
            reason = task.stopping.reason(
                at.epoch, row.objective, row.mse, float(seen.excess[k]), row.gradient_norm, watch
            )
            score = row.objective if checked is None or task.stopping.patience is None else checked
            best = better(at, score, at.parameters)
            if best is not at.best:
                numbers_of_best = states[:, k].copy()
            at = at._replace(best=best)
            if task.listener is not None:
                try:
                    heard = task.listener(row, at.parameters)
                except KeyboardInterrupt:
                    heard, reason = True, StopReason.INTERRUPTED
                reason = reason or (StopReason.CALLBACK if heard else None)
            if reason is not None:
                if numbers_of_best is not None:
                    place = best.state
                    whole = state_at(path, numbers_of_best, place.parameters, place.epoch, place.watch)
                    best = best._replace(state=whole)
                return Heard(first + k, reason, at.watch, best)
            at = at._replace(watch=watch)
    raise AssertionError("the epochs end with max_iter")
