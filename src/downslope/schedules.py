"""Learning rates as functions of the epoch, for `learning_rate=`; their home is `downslope.steps.schedules`."""

from downslope.steps.schedules import Constant, Cosine, Exponential, InverseScaling, InverseTime, Schedule, StepDecay

__all__ = ["Constant", "Cosine", "Exponential", "InverseScaling", "InverseTime", "Schedule", "StepDecay"]
