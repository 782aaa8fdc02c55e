"""A real table: how far the cars of the seventies went on a gallon."""

import warnings
from pathlib import Path

import numpy as np
import sklearn.linear_model
from sklearn.exceptions import ConvergenceWarning

from downslope.cli.course.stage import SEED, Stage
from downslope.cli.picture import draw_fit
from downslope.cli.rows import Choice, Part, load_rows
from downslope.cli.summary import summarise
from downslope.cli.tables import number, number_table
from downslope.cli.yardstick import predict_array
from downslope.data import load_example
from downslope.data.tables.files import Table
from downslope.estimators import GradientDescentRegressor, SGDRegressor
from downslope.saving.model_file import save_model
from downslope.statistics.quality import measure_quality

__all__ = ["fit_the_cars"]


def fit_the_cars(stage: Stage) -> Path:
    """Fit the real table, with two losses; the path of the model file."""
    stage.title("8. A real table: miles per gallon of 397 cars")
    path = load_example("auto_mpg").path
    table, rows = load_rows(Choice(path, "mpg", None, ["name"], ["origin"], "drop"))
    stage.say(
        "Weights in pounds, a code for the origin, gaps in the horsepower: at a prompt this is one line.",
        "이번에는 진짜 자동차 자료예요. 단위가 제각각이고 빈칸도 있지만 명령 한 줄이면 돼요.",
    )
    stage.command(f"downslope fit {path} --target mpg --exclude name --categorical origin --missing drop")
    model = GradientDescentRegressor().fit(rows.source(table.feature_names))
    stage.say(f"{table.notes[0]}.")
    stage.say(model.stop_message_)
    stage.show(summarise(path, table, model, rows, None, []).coefficients())
    stage.keep(
        draw_fit(model, rows, "mpg"),
        "cars",
        "The cars: the error, the coefficients on their way, and what the model predicts",
        "오차가 줄고, 가중치가 움직이고, 예측이 실제 연비에 가까워져요.",
    )
    file = stage.folder / "cars.json"
    save_model(model, file, table={"target": table.target, **table.encoding.to_dict()})
    stage.command(f"downslope predict {file} {path}")
    compare_losses(stage, table, rows, model)
    compare_defaults(stage, rows, model)
    return file


def compare_losses(stage: Stage, table: Table, rows: Part, model: GradientDescentRegressor) -> None:
    """The same table with a loss that does not square large errors."""
    robust = GradientDescentRegressor(loss="huber").fit(rows.source(table.feature_names))
    stage.say(
        "The Huber loss counts errors beyond 1.35 miles per gallon once instead of squared: the few thirsty and "
        "the few frugal cars pull less, and the typical car is predicted better.",
        "Huber 손실은 크게 벗어난 자동차에 덜 끌려가서, 보통 자동차를 더 잘 맞혀요.",
    )
    names = [*table.feature_names, "(intercept)"]
    fits = (model, robust)
    coefs = zip(names, *([*fitted.coef_, fitted.intercept_] for fitted in fits), strict=True)
    errors = [np.abs(rows.y - predict_array(fitted, rows.X)) for fitted in fits]
    stage.show(
        number_table(
            ("", "squared_error", "huber"),
            [
                [(name, number(one), number(other)) for name, one, other in coefs],
                [
                    ("RMSE", *(number(float(np.sqrt(np.mean(error**2)))) for error in errors)),
                    ("median error", *(number(float(np.median(error))) for error in errors)),
                ],
            ],
        )
    )


def compare_defaults(stage: Stage, rows: Part, model: GradientDescentRegressor) -> None:
    """What a default that trusts the scale of the columns makes of the same rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = sklearn.linear_model.SGDRegressor(random_state=SEED).fit(rows.X, rows.y)
        sgd = SGDRegressor(random_state=SEED).fit(rows.source(tuple(model.feature_names_in_)))
    stage.say(
        "Gradient descent in the units of the table is at the mercy of them. Three estimators as they come, on these "
        "rows:",
        "단위를 맞추지 않은 경사하강법은 이렇게 터져 버릴 수 있어요. 기본 설정 그대로 견주어 봐요.",
    )
    fits = {
        "GradientDescentRegressor()": model,
        "SGDRegressor(), scikit-learn": theirs,
        "SGDRegressor(), Downslope": sgd,
    }
    qualities = {
        name: measure_quality(rows.source(), fitted.coef_, float(np.ravel(fitted.intercept_)[0]))
        for name, fitted in fits.items()
    }
    lines = [(name, number(quality.r2)) for name, quality in qualities.items()]
    stage.show(number_table(("", "R²"), [lines]))
    stage.say(
        f"scikit-learn says nothing. Downslope warns: {sgd.stop_message_}",
        "scikit-learn은 아무 말이 없지만, Downslope는 어느 열 때문에 발산했는지와 알맞은 학습률을 알려 줘요.",
    )
