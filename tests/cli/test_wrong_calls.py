"""What typer and scikit-learn say of wrong calls, in our words: those of several of their versions."""

import pytest

from downslope.cli.wrong_calls import invalid_parameter, wrong_call
from downslope.texts import speaking


@pytest.mark.parametrize(
    ("told", "english", "korean"),
    [
        ("No such command 'fitt'.", "No such command 'fitt'", "'fitt'라는 명령은 없어요"),
        (
            "No such command 'fitt'. Did you mean 'fit'?",
            "No such command 'fitt'. Did you mean 'fit'?",
            "'fitt'라는 명령은 없는데 혹시 'fit' 명령을 쓰려고 하셨나요?",
        ),
        ("No such option: --lss", "No such option: --lss", "--lss라는 옵션은 없어요"),
        (
            "No such option: --lss (Possible options: --loss, --tol)",
            "No such option: --lss (Possible options: --loss, --tol)",
            "--lss라는 옵션은 없어요 (비슷한 옵션: --loss, --tol)",
        ),
        (
            "No such option: --los Did you mean --loss?",
            "No such option: --los (Possible options: --loss)",
            "--los라는 옵션은 없어요 (비슷한 옵션: --loss)",
        ),
        ("Missing argument 'DATA'.", "Missing argument 'DATA'", "'DATA' 자리가 비어 있어요"),
        ("Missing option '--target' / '-t'.", "Missing option '--target' / '-t'", "'--target' / '-t' 옵션이 빠졌어요"),
        ("Missing command.", "Missing command", "명령이 빠졌어요"),
        ("Got unexpected extra argument (y)", "Got unexpected extra argument(s) (y)", "y는 남는 인자예요"),
        ("Got unexpected extra argument(s) (y z)", "Got unexpected extra argument(s) (y z)", "y z는 남는 인자예요"),
        ("Option '-t' requires an argument.", "Option '-t' requires an argument", "'-t' 옵션에는 값을 주어야 해요"),
        (
            "Option '--raw' does not take a value.",
            "Option '--raw' does not take a value",
            "'--raw' 옵션에는 값을 줄 수 없어요",
        ),
        (
            "Invalid value for '--penalty': 'l3' is not one of 'none', 'l2'.",
            "Invalid value for '--penalty': 'l3' is not one of 'none', 'l2'",
            "'--penalty'에 준 'l3'은 쓸 수 없어요, 'none', 'l2' 중 하나여야 해요",
        ),
        (
            "Invalid value for '--alpha': Input should be a valid number, unable to parse string as a number",
            "Invalid value for '--alpha': it must be a number",
            "'--alpha'에는 숫자를 주어야 해요",
        ),
        (
            "Invalid value for '--alpha': 'much' is not a valid float.",
            "Invalid value for '--alpha': it must be a number",
            "'--alpha'에는 숫자를 주어야 해요",
        ),
        (
            "Invalid value for '--rows': '1.5' is not a valid integer.",
            "Invalid value for '--rows': it must be a whole number",
            "'--rows'에는 정수를 주어야 해요",
        ),
        (
            "Invalid value for '--seed': Input should be greater than or equal to 0",
            "Invalid value for '--seed': it must be at least 0",
            "'--seed'에는 0 이상인 값을 주어야 해요",
        ),
        (
            "Invalid value for '--seed': -1 is not in the range x>=0.",
            "Invalid value for '--seed': it must be at least 0",
            "'--seed'에는 0 이상인 값을 주어야 해요",
        ),
        ("Value error, something new.", "something new", "something new"),
    ],
)
def test_wrong_calls(told: str, english: str, korean: str) -> None:
    said = wrong_call(told)
    assert str(said) == english
    with speaking("ko"):
        assert str(said) == korean


@pytest.mark.parametrize(
    ("accepted", "english", "korean"),
    [
        ("an int in the range [1, inf) or None", "an int in the range [1, inf)", "[1, inf) 범위의 정수여야 해요"),
        ("a float in the range (0.0, inf)", "a float in the range (0.0, inf)", "(0.0, inf) 범위의 실수여야 해요"),
        ("an array or 'auto'", "an array or 'auto'", "an array or 'auto'여야 해요"),
    ],
)
def test_parameters_that_scikit_learn_refuses(accepted: str, english: str, korean: str) -> None:
    said = invalid_parameter(f"The 'max_iter' parameter of GradientDescentRegressor must be {accepted}. Got 0 instead.")
    assert str(said) == f"max_iter got 0, and must be {english}"
    with speaking("ko"):
        assert str(said) == f"max_iter에 준 0은 쓸 수 없어요: {korean}"


def test_other_words_are_left_alone() -> None:
    assert invalid_parameter("no") is None
