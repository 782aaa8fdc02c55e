"""The step rules of `downslope.steps.rules` for compiled passes: NamedTuples by whose type numba chooses the code.

`move(rule, θ, g, slots, rate, count, l1, d)` makes one step from θ (p,) in place, soft-thresholding the first d
parameters under L1; `slots` (3, p) is what the rule remembers: velocity or mean, mean square, peak.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.kernels.registry import implements, inlined, is_one_of
from downslope.steps.rules import AdaGrad, Adam, Averaged, HeavyBall, Nesterov, Plain, RMSProp, Saga, StepRule

__all__ = ["KernelRule", "kernel_rule", "move"]

Array = NDArray[np.float64]


class PlainSteps(NamedTuple):
    """θ ← θ - ηg."""

    unused: float = 0.0


class HeavyBallSteps(NamedTuple):
    """v ← βv + g, θ ← θ - ηv."""

    momentum: float


class NesterovSteps(NamedTuple):
    """v ← βv + g, θ ← θ - η(g + βv)."""

    momentum: float


class AdaptiveSteps(NamedTuple):
    """θ ← θ - η m̂/√ŝ with running means of g and g²; AdaGrad keeps a sum of squares instead (`share` 1, `decay` 1).

    Attributes
    ----------
    momentum : float
        β₁; 0 takes g itself.
    decay, share : float
        s ← decay · s + share · g².
    unbiased : float
        1 where s is divided by 1 - decay^count, 0 where it is taken as it is.
    """

    momentum: float
    decay: float
    share: float
    unbiased: float


KernelRule = PlainSteps | HeavyBallSteps | NesterovSteps | AdaptiveSteps


def kernel_rule(rule: StepRule) -> KernelRule:
    """The kernel's form of a step rule; averaging and variance reduction are the pass's own matter."""
    forms: dict[type, Callable[[Any], KernelRule]] = {
        Plain: lambda rule: PlainSteps(),
        Saga: lambda rule: PlainSteps(),
        Averaged: lambda rule: kernel_rule(rule.rule),
        HeavyBall: lambda rule: HeavyBallSteps(float(rule.momentum)),
        Nesterov: lambda rule: NesterovSteps(float(rule.momentum)),
        AdaGrad: lambda rule: AdaptiveSteps(0.0, 1.0, 1.0, 0.0),
        RMSProp: lambda rule: AdaptiveSteps(0.0, float(rule.decay), 1.0 - rule.decay, 0.0),
        Adam: lambda rule: AdaptiveSteps(float(rule.momentum), float(rule.decay), 1.0 - rule.decay, 1.0),
    }
    return forms[type(rule)](rule)


def move(rule: Any, theta: Array, gradient: Array, slots: Array, rate: float, count: float, l1: float, d: int) -> None:
    """Make step number `count` (from 1) in place, inside compiled code."""
    raise NotImplementedError


@inlined
def shrunk(number: Any, threshold: Any) -> Any:
    """The proximal step of threshold·abs."""
    if number > threshold:
        return number - threshold
    if number < -threshold:
        return number + threshold
    return 0.0 * number


@implements(move)  # type: ignore[untyped-decorator]
def _move(rule: Any, theta: Any, gradient: Any, slots: Any, rate: Any, count: Any, l1: Any, d: Any) -> Any:
    if is_one_of(rule, PlainSteps):

        def plain(rule: Any, theta: Any, gradient: Any, slots: Any, rate: Any, count: Any, l1: Any, d: Any) -> None:
            for j in range(len(theta)):
                theta[j] -= rate * gradient[j]
            if l1 > 0.0:
                for j in range(d):
                    theta[j] = shrunk(theta[j], rate * l1)

        return plain
    if is_one_of(rule, HeavyBallSteps):

        def heavy_ball(
            rule: Any, theta: Any, gradient: Any, slots: Any, rate: Any, count: Any, l1: Any, d: Any
        ) -> None:
            velocity = slots[0]
            for j in range(len(theta)):
                before = theta[j]
                velocity[j] = rule.momentum * velocity[j] + gradient[j]
                theta[j] = before - rate * velocity[j]
                if l1 > 0.0 and j < d:
                    theta[j] = shrunk(theta[j], rate * l1)
                    velocity[j] = (before - theta[j]) / rate

        return heavy_ball
    if is_one_of(rule, NesterovSteps):

        def nesterov(rule: Any, theta: Any, gradient: Any, slots: Any, rate: Any, count: Any, l1: Any, d: Any) -> None:
            velocity, beta = slots[0], rule.momentum
            for j in range(len(theta)):
                if l1 > 0.0 and j < d:
                    reached = shrunk(theta[j] - rate * gradient[j], rate * l1)
                    velocity[j] = (theta[j] + rate * beta * velocity[j] - reached) / rate
                    theta[j] = reached - rate * beta * velocity[j]
                else:
                    velocity[j] = beta * velocity[j] + gradient[j]
                    theta[j] -= rate * (gradient[j] + beta * velocity[j])

        return nesterov

    def adaptive(rule: Any, theta: Any, gradient: Any, slots: Any, rate: Any, count: Any, l1: Any, d: Any) -> None:
        mean, square, peak = slots[0], slots[1], slots[2]
        highest = 0.0
        for j in range(len(theta)):
            peak[j] = max(peak[j], abs(gradient[j]))
            highest = max(highest, peak[j])
        first = 1.0 - rule.momentum**count
        second = 1.0 - rule.decay**count if rule.unbiased > 0.0 else 1.0
        for j in range(len(theta)):
            mean[j] = rule.momentum * mean[j] + (1.0 - rule.momentum) * gradient[j]
            square[j] = rule.decay * square[j] + rule.share * gradient[j] * gradient[j]
            root = math.sqrt(square[j] / second) + 1e-8 * peak[j] + 1e-12 * highest
            if root > 0.0:
                step = rate / root
                theta[j] -= step * (mean[j] / first)
                if l1 > 0.0 and j < d:
                    theta[j] = shrunk(theta[j], step * l1)

    return adaptive
