"""Which language a call speaks, and what it says in Korean."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from downslope.cli.language import asked_language, language_of
from tests.cli.conftest import CARS, Call
from tests.cli.test_bad_input import FAILED, MISUSED
from tests.texts.english import english_in

KOREAN, ENGLISH = "ko_KR.UTF-8", "en_GB.UTF-8"


@pytest.mark.parametrize(
    ("arguments", "environment", "spoken"),
    [
        (["fit"], {}, "en"),
        (["fit", "--lang", "ko"], {}, "ko"),
        (["--lang=ko", "fit"], {}, "ko"),
        (["fit", "--lang", "en"], {"DOWNSLOPE_LANG": "ko", "LANG": KOREAN}, "en"),
        (["fit"], {"DOWNSLOPE_LANG": "ko", "LANG": ENGLISH}, "ko"),
        (["fit"], {"DOWNSLOPE_LANG": "en", "LC_ALL": KOREAN}, "en"),
        (["fit"], {"DOWNSLOPE_LANG": "", "LANG": KOREAN}, "ko"),
        (["fit"], {"DOWNSLOPE_LANG": "fr", "LANG": KOREAN}, "ko"),
        (["fit"], {"LC_ALL": KOREAN}, "ko"),
        (["fit"], {"LC_MESSAGES": KOREAN, "LANG": ENGLISH}, "ko"),
        (["fit"], {"LC_ALL": "C", "LANG": KOREAN}, "en"),
        (["fit"], {"LC_ALL": "", "LANG": KOREAN}, "ko"),
        (["fit"], {"LANG": "fr_FR.UTF-8"}, "en"),
        (["fit", "--lang", "fr"], {"DOWNSLOPE_LANG": "ko"}, "ko"),
        (["fit", "--lang"], {}, "en"),
    ],
)
def test_the_nearest_wish_decides(arguments: list[str], environment: dict[str, str], spoken: str) -> None:
    assert language_of(arguments, environment) == spoken


def test_what_is_asked_for_is_found_anywhere() -> None:
    assert asked_language(["fit", "t.csv", "--target", "y", "--lang", "ko"]) == "ko"
    assert asked_language(["fit", "--language", "ko"]) is None


@pytest.mark.parametrize("typed", [["fit", "--lang", "fr"], ["--lang", "fr", "fit"], ["demo", "--lang=fr"]])
def test_another_language_is_a_wrong_call(call: Call, typed: list[str]) -> None:
    assert call(*typed) == (2, "", "downslope: --lang got 'fr', and must be one of 'en', 'ko'\n")


@pytest.mark.parametrize("typed", [["--lang", "ko", "fit", "{}"], ["fit", "{}", "--lang=ko"]])
def test_errors_of_parsing_speak_it_too(call: Call, typed: list[str]) -> None:
    answer = call(*(word.format(CARS) for word in typed))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "downslope: '--target' / '-t' 옵션이 빠졌어요: downslope fit --help를 봐 주세요\n"


def test_a_call_leaves_no_language_behind(call: Call) -> None:
    assert "없어요" in call("fit", "none.csv", "-t", "y", "--lang", "ko").err
    assert "there is no file none.csv" in call("fit", "none.csv", "-t", "y").err


def test_a_korean_locale_is_enough() -> None:
    environment = {**os.environ, "LC_ALL": KOREAN, "PYTHONUTF8": "1"}
    program = "import sys; from downslope.cli import main; sys.exit(main())"
    typed = [sys.executable, "-c", program, "fit", "none.csv", "-t", "y"]
    done = subprocess.run(typed, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "downslope: none.csv 파일이 없어요: 경로를 확인해 주세요\n"
    # Only the command follows the locale, and a program that uses the library does not.
    program = "import downslope; downslope.load_example('cars')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", env=environment, check=False
    )
    assert "there is no example named 'cars'" in done.stderr


REFUSED = {name: case[0] for name, case in {**FAILED, **MISUSED}.items()}


def english_beyond_options(sentence: str) -> list[str]:
    """English words, but for names in quotes, options with their values, files and abbreviations."""
    for known in (
        r"'[^']*'|\"[^\"]*\"",
        r"--[a-z0-9-]+( \[?[\w.]+\]?)?",
        r"\S*[/.]\S*",
        r"downslope( fit)?|CSV|UTF|NaN|nan|inf",
    ):
        sentence = re.sub(known, "", sentence)
    return english_in(sentence)


@pytest.mark.parametrize("typed", REFUSED.values(), ids=REFUSED)
def test_refusals_are_whole_sentences_in_korean(call: Call, places: dict[str, Path], typed: list[str]) -> None:
    answer = call(*(word.format(**places) for word in typed), "--lang", "ko")
    assert (answer.code in (1, 2), answer.out) == (True, "")
    assert re.fullmatch("downslope: .*[가-힣].*\n", answer.err), answer.err
    assert english_beyond_options(answer.err) == []
    assert not re.search(r"\[[가-힣]+/[가-힣]+\]|\{", answer.err)


def test_a_fit_speaks_korean(call: Call, tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    options = ("-t", "mpg", "--exclude", "name", "--missing", "drop", "--test-size", "0.25", "--lang", "ko")
    answer = call("fit", CARS, *options, "--model", model)
    assert (answer.code, answer.err) == (0, "")
    for words in (
        f"행         {CARS}의 294행, 따로 떼어 둔 98행\n",
        "결측값이 있어 397행 가운데 5행을 뺐어요: 'horsepower' 5개\n",
        "특성       7개로 mpg 예측\n",
        "(절편)",
        "R² (떼어 둔 행)",
        f"저장한 파일: {model}\n",
    ):
        assert words in answer.out
    header = answer.out.split("\n\n")[1].splitlines()[0]
    assert header.split() == ["계수", "최소제곱", "차이", "표준오차"]
    told = call("predict", model, CARS, "--output", tmp_path / "p.csv", "--lang", "ko").err.splitlines()
    assert told[-1] == f"{tmp_path / 'p.csv'}에 397행의 예측값 392개를 저장했어요"


def test_a_divergence_is_told_in_korean_with_options(call: Call) -> None:
    options = ("--exclude", "name", "--missing", "drop", "--raw", "--learning-rate", "0.01", "--lang", "ko")
    answer = call("fit", CARS, "-t", "mpg", *options)
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    for words in ("--learning-rate 0.01이 안정한 최대 학습률", "'weight' 열의 영향", "--standardize 설정으로"):
        assert words in answer.err
    assert english_beyond_options(answer.err) == []


def test_json_has_the_same_keys_in_both_languages(call: Call) -> None:
    options = ("fit", CARS, "-t", "mpg", "--exclude", "name", "--missing", "drop", "--json", "--lang")
    english, korean = (json.loads(call(*options, lang).out) for lang in ("en", "ko"))
    assert list(english) == list(korean)
    assert english["notes"] == ["5 rows of 397 left out for missing values: 'horsepower' 5"]
    assert korean["notes"] == ["결측값이 있어 397행 가운데 5행을 뺐어요: 'horsepower' 5개"]
    assert {name: korean[name] for name in ("coef", "quality", "rows")} == {
        name: english[name] for name in ("coef", "quality", "rows")
    }


def test_warnings_speak_korean(call: Call, lines: Path) -> None:
    answer = call("fit", lines, "-t", "y", "--features", "a,b", "--delta", "2", "--lang", "ko")
    assert answer.err == "downslope: 경고: --delta는 --loss huber 없이는 아무것도 바꾸지 않아요\n"


@pytest.mark.parametrize("command", ["fit", "predict", "diagnose", "sweep", "generate", "demo"])
def test_help_speaks_both_languages(call: Call, command: str) -> None:
    english, korean = (call(command, "--help", "--lang", lang).out for lang in ("en", "ko"))
    for out, words in (
        (english, ("Show this message", "Options", "--lang")),
        (korean, ("이 도움말을", "옵션", "--lang")),
    ):
        assert all(word in out for word in words)
        assert "help." not in out.replace("help.\n", "")
    assert english != korean


def test_help_of_the_whole_speaks_both_languages(call: Call) -> None:
    assert "Fit a linear model to a table" in call("--help").out
    assert "표에 선형 모델을 맞추고" in call("--help", "--lang", "ko").out
