"""``downslope demo``: every item of the course, against plain loops and scikit-learn."""

import contextlib
import io
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from sklearn.linear_model import SGDRegressor

from downslope import load_model, make_linear
from downslope.cli import main
from downslope.cli.course.stage import SEED
from tests.cli.conftest import CARS, Call
from tests.cli.test_fit import cars, least_squares


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo put its things, a folder that it had to make; what it said lies there too."""
    folder = tmp_path_factory.mktemp("demo") / "a" / "demo"
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        assert main(["demo", "--output", str(folder)]) == 0
    assert err.getvalue() == ""
    (folder / "said.txt").write_text(out.getvalue(), encoding="utf-8")
    return folder


@pytest.fixture
def said(folder: Path) -> str:
    return (folder / "said.txt").read_text(encoding="utf-8")


def printed(said: str, title: str) -> list[list[float]]:
    """The numbers of the lines of epochs in one step, the last line after the rule included."""
    step = said.partition(f"— {title}")[2].partition("\n— ")[0]
    epochs = re.findall(r"^ *(\d+) (\w+ = .*) error = (\S+)$", step, re.MULTILINE)
    return [[float(k), *map(float, re.findall(r"= (\S+?)(?:,|$)", weights)), float(e)] for k, weights, e in epochs]


def by_hand(X: np.ndarray, y: np.ndarray, start: np.ndarray, goal: float) -> list[list[float]]:
    """The textbook's loop: epoch, weights, and the error of these very weights."""
    A, w, rows = np.column_stack([X, np.ones(len(X))]), start, []
    for epoch in range(5001):
        residual = A @ w - y
        error = np.mean(residual**2)
        rows.append([epoch, *w, error])
        if error < goal:
            break
        w = w - 0.5 * A.T @ residual / len(y)
    return rows


def start(n: int) -> np.ndarray:
    """The random start: every weight and the bias too."""
    random = np.random.RandomState(SEED)
    return np.append(random.uniform(-1, 1, n), random.uniform(-1, 1))


def one_feature() -> tuple[np.ndarray, np.ndarray]:
    data = make_linear(0.3, 0.5, 100, 0.01, random_state=SEED)
    y = data.y.copy()
    y[[5, 10]] = 0.75
    return data.X, y


def test_one_feature_is_the_plain_loop(said: str) -> None:
    X, y = one_feature()
    rows = by_hand(X, y, start(1), 0.0005)
    assert 40 < len(rows) < 120
    assert printed(said, "5.") == [pytest.approx(row, abs=1e-5) for row in [*rows[::5], rows[-1]]]
    assert "-" * 60 in said


def test_several_features_are_the_plain_loop_from_a_random_bias(said: str) -> None:
    found = re.search(r"y = 0\.3·x1 \+ 0\.5·x2 \+ 0\.7·x3 ([+-]) ([\d.]+), without noise", said)
    assert found is not None
    bias = float(found[1] + found[2])
    data = make_linear([0.3, 0.5, 0.7], bias, 100, 0.0, random_state=SEED)
    rows = by_hand(data.X, data.y, start(3), 0.00001)
    assert abs(rows[0][4] - bias) > 0.1
    assert printed(said, "6.") == [pytest.approx(row, abs=1e-5) for row in [*rows[::5], rows[-1]]]


def test_the_random_start_and_its_error_are_told(said: str) -> None:
    X, y = one_feature()
    w, b = start(1)
    assert f"here w = {w:.5f}, b = {b:.5f}." in said
    assert f"over all points: {np.mean((X[:, 0] * w + b - y) ** 2):.5f}." in said


def test_three_learning_rates_end_in_three_ways(said: str) -> None:
    X, _ = one_feature()
    A = np.column_stack([X, np.ones(100)])
    limit = 2 / np.linalg.eigvalsh(A.T @ A / 100)[-1]
    assert "0.005 (too small)  Stopped at max_iter = 60 epochs" in said
    assert "0.5 (good)         Stopped at max_iter = 60 epochs" in said
    assert re.search(rf"2 \(too large\) +Diverged at epoch \d+: .* the largest stable {limit:.4g} ", said)


def test_scikit_learn_stands_beside_ours_and_the_truth(said: str) -> None:
    step = said.partition("— 7.")[2].partition("\n— ")[0]
    cells = [line.split() for line in step.splitlines()]
    rows = {row[0]: list(map(float, row[1:])) for row in cells if row and row[0] in ("w1", "w2", "w3", "b")}
    data = make_linear([0.3, 0.5, 0.7], rows["b"][0], 100, 0.0, random_state=SEED)
    sgd = SGDRegressor(max_iter=5000, tol=1e-5, learning_rate="constant", random_state=SEED).fit(data.X, data.y)
    table = np.array([rows[name] for name in ("w1", "w2", "w3", "b")])
    assert table[:, 0] == pytest.approx([0.3, 0.5, 0.7, rows["b"][0]])
    assert table[:, 1] == pytest.approx(by_hand(data.X, data.y, start(3), 0.00001)[-1][1:5], abs=1e-5)
    assert table[:, 2] == pytest.approx([*sgd.coef_, sgd.intercept_[0]], abs=1e-5)
    np.testing.assert_array_equal(table[:, 3], table[:, 2])
    assert np.abs(table[:, 4] - table[:, 0]).max() < np.abs(table[:, 2] - table[:, 0]).max() / 10
    assert re.search(rf"^passes +147 +{sgd.n_iter_} +{sgd.n_iter_} +\d+$", step, re.MULTILINE)


def test_the_default_that_blows_up_says_why(said: str) -> None:
    step = said.partition("— 8.")[2]
    theirs, ours = re.findall(r"^SGDRegressor\(\), \S+ +(\S+)$", step, re.MULTILINE)
    assert theirs == ours
    assert float(ours) < -1e20
    assert re.search(r"Downslope warns: Diverged at epoch \d+: .* dominated by column 'weight'\)", step)


def test_the_real_table_is_fitted_and_kept(said: str, folder: Path, call: Call) -> None:
    X, y, names = cars()
    model = load_model(folder / "cars.json")
    best = least_squares(X, y)
    assert model.feature_names_in_.tolist() == names
    predicted = X @ model.coef_ + model.intercept_
    assert predicted == pytest.approx(X @ best[:-1] + best[-1], abs=0.2)
    assert re.search(rf"^weight +{model.coef_[3]:.6g} +{best[3]:.6g} +0.2 % +\S+$", said, re.MULTILINE)
    answer = call("predict", folder / "cars.json", CARS)
    assert answer.code == 0
    assert float(answer.out.splitlines()[1]) == pytest.approx(predicted[0], rel=1e-12)


def test_pictures_and_page_belong_together(said: str, folder: Path) -> None:
    shown = re.findall('<img src="([^"]*)"', (folder / "index.html").read_text(encoding="utf-8"))
    assert shown == sorted(path.name for path in folder.glob("*.png"))
    assert [name[3:-4] for name in shown] == [
        *("data", "outliers", "learning-rates", "loss", "fit", "three-features", "weights", "cars"),
    ]
    for name in shown:
        picture = matplotlib.image.imread(folder / name)
        assert min(picture.shape[:2]) > 300
        assert picture[..., :3].std() > 0.02


def test_the_last_line_says_what_to_open(said: str, folder: Path) -> None:
    *_, last = said.splitlines()
    assert last == (
        f"Open {folder / 'index.html'}: all 8 pictures with their captions; the model of the cars is "
        f"{folder / 'cars.json'}."
    )


def test_every_step_speaks_korean_too(said: str) -> None:
    for step in said.split("\n— ")[1:]:
        assert re.search(r"[가-힣]+요\.$", step, re.MULTILINE), step
