"""Several features: the same descent with a weight for each, and scikit-learn beside it."""

from typing import Any

import numpy as np
import sklearn.linear_model

from downslope.cli.course.one_feature import by_hand
from downslope.cli.course.stage import SEED, Stage
from downslope.cli.line import equation
from downslope.cli.tables import number_table
from downslope.data import make_linear
from downslope.data.generated import LinearData
from downslope.displays import CoefficientPathDisplay, FitDisplay
from downslope.estimators import GradientDescentRegressor, SGDRegressor

__all__ = ["descend_on_several_features"]


def descend_on_several_features(stage: Stage) -> None:
    """The descent on three features, the paths of its weights, and the comparison."""
    stage.title("6. Several features, a weight for each")
    intercept = round(float(np.random.default_rng(SEED).uniform(-1.0, 1.0)), 3)
    data = make_linear(coef=[0.3, 0.5, 0.7], intercept=intercept, n_samples=100, noise=0.0, random_state=SEED)
    stage.say(
        f"Three features from (0, 1): {equation(data.feature_names, data.coef, data.intercept)}, without noise. b was "
        "drawn at random too, and the descent is not told: it starts at its own random b.",
        "특성이 세 개면 가중치도 세 개예요. b도 정답을 알려 주지 않고 아무 값에서나 시작해요.",
    )
    model = by_hand(stop_below=0.00001, verbose=5).fit(data.X, data.y)
    stage.say(model.stop_message_)
    stage.keep(
        FitDisplay.from_data(data, model).figure_,
        "three-features",
        "Three features do not fit on paper: predicted against actual values",
        "특성이 세 개라 직선으로는 못 그려요. 예측값과 실제 값을 견주어 봐요.",
    )
    paths = CoefficientPathDisplay.from_estimator(
        model, true_coef=data.coef, true_intercept=data.intercept, subplots=True, intercept=True
    )
    stage.keep(
        paths.figure_,
        "weights",
        "The path of each weight to its true value, dashed",
        "가중치마다 정답(점선)을 찾아가는 길이에요.",
    )
    compare_with_scikit_learn(stage, data, model)


def compare_with_scikit_learn(stage: Stage, data: LinearData, model: GradientDescentRegressor) -> None:
    """The weights of four ways beside the true ones."""
    stage.title("7. The same with SGDRegressor, scikit-learn's and ours")
    stage.say(
        'SGDRegressor(max_iter=5000, tol=1e-5, learning_rate="constant") steps after every row, where the loop by hand '
        "looked at all rows before each step. Downslope's has the numbers of scikit-learn's, and says why it stopped. "
        "The last column is GradientDescentRegressor(), with no learning rate to choose.",
        "점 하나를 볼 때마다 가중치를 고치는 방법이에요. scikit-learn과 Downslope의 SGDRegressor는 결과가 같고, "
        "Downslope는 왜 멈췄는지도 알려 줘요.",
    )
    call: dict[str, Any] = {"max_iter": 5000, "tol": 1e-5, "learning_rate": "constant", "random_state": SEED}
    theirs = sklearn.linear_model.SGDRegressor(**call).fit(data.X, data.y)
    sgd = SGDRegressor(**call).fit(data.X, data.y)
    stage.say(sgd.stop_message_)
    usual = GradientDescentRegressor().fit(data.X, data.y)
    columns = [
        [*data.coef, data.intercept],
        [*model.coef_, model.intercept_],
        [*theirs.coef_, float(theirs.intercept_[0])],
        [*sgd.coef_, float(sgd.intercept_[0])],
        [*usual.coef_, usual.intercept_],
    ]
    names = ["w1", "w2", "w3", "b"]
    lines = [
        (name, *(f"{value:.5f}" for value in row)) for name, row in zip(names, zip(*columns, strict=True), strict=True)
    ]
    farthest = [max(abs(np.subtract(column, columns[0]))) for column in columns]
    errors = ("farthest off", *("" if error == 0 else f"{error:.1g}" for error in farthest))
    passes = ("passes", "", str(model.n_iter_), str(theirs.n_iter_), str(sgd.n_iter_), str(usual.n_iter_))
    header = ("", "true", "by hand", "scikit-learn", "ours", "our default")
    stage.show(number_table(header, [lines, [errors, passes]]))
