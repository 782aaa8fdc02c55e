"""Pictures of a descent, on scikit-learn's Display conventions.

A display holds its data first, as plain arrays, and draws later: ``from_estimator(...)`` computes and draws,
``display.plot(ax=...)`` draws again, anywhere. Importing this package does not import matplotlib.
"""

from downslope.displays.animation import Animation, animate
from downslope.displays.coefficient_path import CoefficientPathDisplay
from downslope.displays.fit import FitDisplay
from downslope.displays.learning_rate import LearningRateDisplay
from downslope.displays.loss_curve import LossCurve, LossCurveDisplay
from downslope.displays.loss_surface import LossSurfaceDisplay
from downslope.displays.spectrum import SpectrumDisplay

__all__ = [
    "Animation",
    "CoefficientPathDisplay",
    "FitDisplay",
    "LearningRateDisplay",
    "LossCurve",
    "LossCurveDisplay",
    "LossSurfaceDisplay",
    "SpectrumDisplay",
    "animate",
]
