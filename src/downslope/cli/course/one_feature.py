"""One feature: noisy points, two outliers, a random start, and the descent to the line."""

from dataclasses import replace
from typing import Any

import numpy as np

from downslope.cli.course.stage import SEED, Stage
from downslope.cli.line import equation
from downslope.cli.tables import facts
from downslope.data import make_linear
from downslope.data.generated import LinearData
from downslope.displays import FitDisplay, LossCurveDisplay
from downslope.estimators import GradientDescentRegressor

__all__ = ["by_hand", "descend_on_one_feature", "meet_the_rows"]


def by_hand(**parameters: Any) -> GradientDescentRegressor:
    """The textbook's loop: the plain step in the units of the rows, from a random start, ended by the error alone."""
    usual = {"standardize": False, "init": "uniform", "random_state": SEED, "tol": 0.0, "max_iter": 5000}
    return GradientDescentRegressor(**{"learning_rate": 0.5, **usual, **parameters})


def meet_the_rows(stage: Stage) -> LinearData:
    """The rows, without and with outliers, and the error of a random line."""
    stage.title("1. Points around a line that we know")
    data = make_linear(coef=0.3, intercept=0.5, n_samples=100, noise=0.01, random_state=SEED)
    line = equation(("x",), data.coef, data.intercept)
    stage.say(
        f"100 points, x drawn from (0, 1), {line}, each then moved up or down by at most 0.01: w = 0.3, b = 0.5.",
        "정답(w = 0.3, b = 0.5)을 아는 점 100개를 만들고, 위아래로 조금씩 흔들었어요.",
    )
    stage.keep(
        data.plot().figure_,
        "data",
        "100 points and the line they were made from",
        "점 100개와 그 점들을 만든 직선이에요.",
    )

    stage.title("2. Two outliers, put in by hand")
    outliers = np.array([5, 10])
    y = data.y.copy()
    y[outliers] = 0.75
    data = replace(data, y=y, outliers=outliers)
    stage.say(
        f"Rows 5 and 10 now say y = 0.75, where the line says {data.X[5, 0] * 0.3 + 0.5:.2f} and "
        f"{data.X[10, 0] * 0.3 + 0.5:.2f}.",
        "점 두 개를 직선에서 멀리 옮겨서 이상치(outlier)로 만들었어요.",
    )
    stage.keep(
        data.plot().figure_,
        "outliers",
        "The same points with two outliers, ringed",
        "이상치 두 개에 동그라미를 쳤어요.",
    )

    stage.title("3. A random start, and how wrong it is")
    first = by_hand(max_iter=1).fit(data.X, data.y).history_
    w, b = float(first.coef[0, 0]), float(first.intercept[0])
    error = float(np.mean((data.X[:, 0] * w + b - data.y) ** 2))
    stage.say(
        f"w and b start anywhere in (-1, 1): here w = {w:.5f}, b = {b:.5f}.",
        "w와 b는 -1과 1 사이의 아무 값에서나 시작해요.",
    )
    stage.say(
        f"The hypothesis is ŷ = w·x + b. Its error is the mean of (ŷ - y)² over all points: {error:.5f}.",
        "예측값 ŷ과 실제 값 y의 차이를 제곱해서 평균을 내면 오차(MSE)예요. 이 값을 줄이는 게 목표예요.",
    )
    return data


def descend_on_one_feature(stage: Stage, data: LinearData) -> None:
    """The descent on one feature, every fifth epoch as a line."""
    stage.title("5. Descend on one feature")
    stage.say(
        "Learning rate 0.5, at most 5000 epochs, stop when the error is below 0.0005. Every fifth epoch is a line, "
        "with w, b and the error of that same w and b.",
        "한 번 걸음을 뗄 때마다(epoch) 기울기의 반대쪽으로 w와 b를 조금 옮겨요. 오차가 0.0005보다 작아지면 멈춰요.",
    )
    model = by_hand(stop_below=0.0005, verbose=5).fit(data.X, data.y)
    stage.say(model.stop_message_)
    stage.keep(
        LossCurveDisplay.from_estimator(model).figure_,
        "loss",
        "The error falls with the epochs, fast at first, and stops at the goal",
        "오차는 처음에 빠르게, 나중에는 천천히 줄어요.",
    )
    stage.keep(
        FitDisplay.from_data(data, model).figure_,
        "fit",
        "The line at the end of the descent beside the true one",
        "경사하강법으로 찾은 직선과 진짜 직선이에요.",
    )
    robust = GradientDescentRegressor(loss="huber", delta=0.02).fit(data.X, data.y)
    plain = GradientDescentRegressor().fit(data.X, data.y)
    stage.say(
        "With the descent run to its end, two points of a hundred still bend the line. The Huber loss listens to them "
        "less:",
        "끝까지 내려가도 이상치 두 개가 직선을 끌어당겨요. Huber 손실은 이상치의 영향을 덜 받아요.",
    )
    lines = {
        "true": equation(("x",), data.coef, data.intercept),
        "squared_error": equation(("x",), plain.coef_, plain.intercept_),
        "huber": equation(("x",), robust.coef_, robust.intercept_),
    }
    stage.show(facts(lines.items()))
