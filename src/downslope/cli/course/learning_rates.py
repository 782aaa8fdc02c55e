"""The learning rate: too small, good, and too large."""

import warnings

from downslope.cli.course.one_feature import by_hand
from downslope.cli.course.stage import Stage
from downslope.cli.tables import facts
from downslope.data.generated import LinearData
from downslope.displays import LossCurveDisplay
from downslope.exceptions import DivergenceWarning

__all__ = ["try_learning_rates"]

RATES = {"too small": 0.005, "good": 0.5, "too large": 2.0}


def try_learning_rates(stage: Stage, data: LinearData) -> None:
    """The same start with three learning rates."""
    stage.title("4. The learning rate decides")
    stage.say(
        "The same start three times, 60 epochs each, with a step that is too small, good, and too large.",
        "학습률이 너무 작으면 거의 움직이지 않고, 너무 크면 튀어 올라 발산해요.",
    )
    runs = {}
    for name, rate in RATES.items():
        model = by_hand(max_iter=60, learning_rate=rate)
        with warnings.catch_warnings():
            # One of them is meant to diverge.
            warnings.simplefilter("ignore", DivergenceWarning)
            model.fit(data.X, data.y)
        runs[f"{rate:g} ({name})"] = model
    stage.show(facts((name, model.stop_message_) for name, model in runs.items()))
    stage.keep(
        LossCurveDisplay.from_estimators(runs).figure_,
        "learning-rates",
        "Three learning rates from the same start: too small, good, too large",
        "같은 곳에서 시작해도 학습률에 따라 이렇게 달라요.",
    )
