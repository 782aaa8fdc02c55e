"""Every combination of rate, method and momentum, for about the price of one fit where there is a closed form."""

from downslope.sweeps.runs import Run, Sweep
from downslope.sweeps.sweep import SweepInterrupted, sweep

__all__ = ["Run", "Sweep", "SweepInterrupted", "sweep"]
