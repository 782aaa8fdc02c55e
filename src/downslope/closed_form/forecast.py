"""What descents at many constant rates will do, from the curvatures and the start alone.

Along each direction of the bowl a step is the same small matrix (`downslope.closed_form.path`), so that the state after
2^k steps costs one product, and an epoch after which something no longer holds is found by doubling: from the highest
power down, each is taken where the thing still holds after it. What holds is looked at for all rates at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.path import CHUNK_NUMBERS, apply, step_matrices
from downslope.descent.stopping import EXPLOSION
from downslope.statistics.quadratic import half_squares
from downslope.steps.rules import StepRule

__all__ = ["Forecast", "excess"]

Array = NDArray[np.float64]
Epochs = NDArray[np.int64]

# With momentum the first epochs are looked at one by one: later the slower root of a direction decides its size.
TRANSIENT = 64
# So many epochs are looked at together: alone, a look would take ten times as long as the step before it.
AT_ONCE = 256


class Reached(NamedTuple):
    """States (c, r, p) of r descents, and the epoch (r,) of each."""

    states: Array
    epochs: Epochs


@dataclass(frozen=True)
class Forecast:
    """Descents by one linear rule, from one start at rest, at r constant rates.

    Attributes
    ----------
    rule : StepRule
    rates : array (r,)
    eigenvalues : array (p,)
    residual : array (p,)
        ρ at the start, see `downslope.statistics.quadratic.Spectrum.residual`.
    """

    rule: StepRule
    rates: Array
    eigenvalues: Array
    residual: Array

    @property
    def with_momentum(self) -> bool:
        """Whether a direction carries a velocity beside its residual."""
        return self.rule.carries_velocity

    @cached_property
    def matrices(self) -> Array:
        """One update along each direction, (c, c, r, p)."""
        c = 2 if self.with_momentum else 1
        h = np.multiply.outer(self.rates, self.eigenvalues)
        return step_matrices(self.rule, h.ravel())[:c, :c].reshape(c, c, *h.shape)

    @property
    def start(self) -> Reached:
        """Before the first update."""
        states = np.zeros((len(self.matrices), self.rates.size, self.eigenvalues.size))
        states[0] = self.residual
        return Reached(states, np.zeros(self.rates.size, dtype=np.int64))

    @property
    def determinant(self) -> Array:
        """Of the matrices of a rule with momentum, (r, p): β, or β(1 - h) where it looks ahead."""
        h = np.multiply.outer(self.rates, self.eigenvalues)
        return self.rule.inertia * (1.0 - h if self.rule.looks_ahead else np.ones_like(h))

    @cached_property
    def lasting(self) -> NDArray[np.bool_]:
        """The directions (r, p) whose residual, a transient over, can only fall: of real roots in the unit circle."""
        m = self.matrices
        if not self.with_momentum:
            return np.asarray(np.abs(m[0, 0]) <= 1.0)
        trace, determinant = m[0, 0] + m[1, 1], m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
        discriminant = trace**2 - 4.0 * determinant
        root = 0.5 * (np.abs(trace) + np.sqrt(np.maximum(discriminant, 0.0)))
        return np.asarray((discriminant >= 0.0) & (root <= 1.0))

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Whether the excess stays bounded for ever, (r,)."""
        return np.asarray(self.rates * self.eigenvalues.max() <= self.rule.stable_product)

    def ladder(self, last: int) -> list[Array]:
        """The powers 1, 2, 4 … of the matrices, none beyond `last`."""
        powers, m = [self.matrices], self.matrices
        if not self.with_momentum:
            while 2 << (len(powers) - 1) <= last:
                powers.append(powers[-1] ** 2)
            return powers
        # Mᵏ = ½Vₖ·I + Uₖ·N, N = M - ½tr(M)·I, with V₂ₖ = Vₖ² - 2·det(M)ᵏ and U₂ₖ = UₖVₖ (Lucas): where roots meet,
        # products of the powers themselves lose what is left of N, and with it hundredths of an epoch count.
        trace, det, identity = m[0, 0] + m[1, 1], self.determinant, np.eye(2)[:, :, None, None]
        nilpotent, u, v = m - 0.5 * trace * identity, np.ones_like(trace), trace
        while 2 << (len(powers) - 1) <= last:
            u, v, det = u * v, v * v - 2.0 * det, det * det
            powers.append(0.5 * v * identity + u * nilpotent)
        return powers

    def climb(self, holds: Callable[[Array], NDArray[np.bool_]], last: int, begin: Reached | None = None) -> Reached:
        """The last epoch, at most `last`, at which `holds` of its states; the beginning where it does not hold there.

        Once false, `holds` must stay so: by doubling.
        """
        states, epochs = self.start if begin is None else begin
        begun = holds(states)
        for level, power in reversed(list(enumerate(self.ladder(last)))):
            tried = apply(power, states)
            ok = begun & (epochs + (1 << level) <= last) & holds(tried)
            states, epochs = np.where(ok[:, None], tried, states), epochs + (ok.astype(np.int64) << level)
        return Reached(states, epochs)

    def after(self, last: int) -> Array:
        """J - J* after `last` epochs, (r,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return excess(self.climb(lambda states: np.ones(self.rates.size, dtype=bool), last).states)

    def first_below(self, threshold: float, last: int) -> NDArray[np.float64]:
        """The first epoch at which J - J* is at most the threshold, (r,); NaN where none up to `last` is.

        With momentum also where what is left was `EXPLOSION` times that of the start before: such a run is given up.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return self._first_below(threshold, last)

    def _first_below(self, threshold: float, last: int) -> NDArray[np.float64]:
        first = np.full(self.rates.size, np.nan)
        begin = self.start
        for _ in range(self.with_momentum * min(TRANSIENT, last)):
            found = np.isnan(first) & (excess(begin.states) <= threshold)
            first[found] = begin.epochs[found]
            begin = Reached(apply(self.matrices, begin.states), begin.epochs + 1)

        def above(states: Array) -> NDArray[np.bool_]:
            return excess(states, self.lasting) > threshold

        # What can only fall must have fallen; from then on the rest is looked at epoch by epoch.
        states, epochs = self.climb(above, last, begin)
        still = above(states)
        states = np.where(still[:, None], apply(self.matrices, states), states)
        epochs = epochs + still
        at = np.flatnonzero(np.isnan(first) & (epochs <= last))
        # At a double root of size r the residual of a stable descent swells by 1/(1 - r) before it falls.
        bound = np.where(self.stable, np.inf, EXPLOSION * excess(self.start.states))

        def decided(path: Array, at: Epochs) -> NDArray[np.bool_]:
            residual = path[0]
            now = half_squares(residual)
            if self.with_momentum:
                return (now <= threshold) | ~(now <= bound[at])
            return (now <= threshold) | (half_squares(np.where(self.lasting[at], 0.0, residual)) > threshold)

        ends = self.walk(Reached(states[:, at], epochs[at]), at, last, decided)
        first[at] = np.where(excess(ends.states) <= threshold, ends.epochs, np.nan)
        return first

    def walk(
        self, begin: Reached, at: Epochs, last: int, decided: Callable[[Array, Epochs], NDArray[np.bool_]]
    ) -> Reached:
        """The first epoch, at most `last`, at which a descent is `decided`, looked at one by one from `begin` on.

        The steps are made one by one, since at a double root, where momentum is best, powers of 50,000 steps are
        wrong by one; `decided` looks at many of their states (c, k, r, p), of the rates number `at`, at a time.
        """
        states, epochs = begin.states.copy(), begin.epochs.copy()
        left, look = np.arange(at.size), 2
        while left.size:
            matrices, now = self.matrices[:, :, at[left]], states[:, left]
            # Most are decided within a few steps: each look is twice as long as the last.
            look = min(2 * look, AT_ONCE)
            size = max(2, min(look, CHUNK_NUMBERS // now.size))
            path = np.empty((size, *now.shape))
            path[0] = now
            for before, after in pairwise(path):
                np.einsum("ijrp,jrp->irp", matrices, before, out=after)
            path = path.swapaxes(0, 1)
            over = decided(path, at[left]) | (epochs[left] + np.arange(size)[:, None] >= last)
            found = over.any(axis=0)
            # Where nothing is decided the next look begins with the last of these states.
            k = np.where(found, over.argmax(axis=0), size - 1)
            states[:, left] = path[:, k, np.arange(left.size)]
            epochs[left] += k
            left = left[~found]
        return Reached(states, epochs)

    def blow_up(self, threshold: float, last: int) -> Reached:
        """The first epoch, at most `last`, at which J - J* is above the threshold, and else epoch `last`."""
        with np.errstate(over="ignore", invalid="ignore"):
            if not self.with_momentum:
                # A sum of powers is convex in the epoch: begun below, it passes a bound once.
                states, epochs = self.climb(lambda states: excess(states) <= threshold, last)
                on = epochs < last
                return Reached(np.where(on[:, None], apply(self.matrices, states), states), epochs + on)
            calm = self.climb(lambda states: np.ones(self.rates.size, dtype=bool), last)
            states, epochs = calm.states.copy(), calm.epochs.copy()
            wild = np.flatnonzero(~self.stable)
            begin = Reached(self.start.states[:, wild], self.start.epochs[wild])
            ends = self.walk(begin, wild, last, lambda path, at: ~(half_squares(path[0]) <= threshold))
            states[:, wild], epochs[wild] = ends
            return Reached(states, epochs)


def excess(states: Array, which: NDArray[np.bool_] | None = None) -> Array:
    """½Σρ² of states (c, r, p), of all directions or of these (r, p), (r,)."""
    return half_squares(states[0] if which is None else np.where(which, states[0], 0.0))
