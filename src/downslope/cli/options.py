"""The options of the commands: how each is written, what it takes, and one line on what it does.

Helps, panels and what stands for a value are codes of the catalogue, said when they are shown.
"""

import csv
import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from downslope.cli.language import FLAG as LANGUAGE

# Parameters that belong together stand in one panel of the help.
of_rows = partial(typer.Option, rich_help_panel="help.panel_rows")
of_model = partial(typer.Option, rich_help_panel="help.panel_model")
of_descent = partial(typer.Option, rich_help_panel="help.panel_descent")
of_results = partial(typer.Option, rich_help_panel="help.panel_results")
NUMBER, NAME, COLUMN = "help.metavar_number", "help.metavar_name", "help.metavar_column"
SIGN = "help.metavar_sign"
FILE, SHARE, FOLDER = "help.metavar_file", "help.metavar_share", "help.metavar_folder"
NAMES, NUMBERS, FLAG = "A,B,…", "1,2,…", " "

# --------------------------------------------------------------------------------------------------- rows and columns
Data = Annotated[Path, typer.Argument(help="help.data", metavar="DATA", show_default=False)]
Target = Annotated[str, of_rows("--target", "-t", metavar=COLUMN, help="help.target", show_default=False)]
Features = Annotated[list[str] | None, of_rows("--features", metavar=NAMES, help="help.features")]
Exclude = Annotated[list[str] | None, of_rows("--exclude", metavar=NAMES, help="help.exclude")]
Categorical = Annotated[list[str] | None, of_rows("--categorical", metavar=NAMES, help="help.categorical")]
Policy = Literal["drop", "mean"]
MissingPolicy = Annotated[Policy | None, of_rows("--missing", help="help.missing")]
Codes = Annotated[list[str] | None, of_rows("--na", metavar="help.metavar_codes", help="help.na")]
Decimal = Annotated[str, of_rows("--decimal", metavar=SIGN, help="help.decimal")]
Thousands = Annotated[str | None, of_rows("--thousands", metavar=SIGN, help="help.thousands")]
Encoding = Annotated[str, of_rows("--encoding", metavar=NAME, help="help.encoding")]
Where = Annotated[list[str] | None, of_rows("--where", metavar="help.metavar_condition", help="help.where")]
Dates = Annotated[list[str] | None, of_rows("--date", metavar=NAMES, help="help.date")]
Weights = Annotated[str | None, of_rows("--weights", metavar=COLUMN, help="help.weights")]
TestSize = Annotated[float | None, of_rows("--test-size", metavar=SHARE, help="help.test_size")]
Seed = Annotated[int, of_rows("--seed", min=0, metavar=NUMBER, help="help.seed")]

# -------------------------------------------------------------------------------------------------------------- model
LossName = Literal[
    "squared_error",
    "huber",
    "absolute_error",
    "quantile",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
]
Loss = Annotated[LossName, of_model("--loss", metavar=NAME, help="help.loss")]
Delta = Annotated[float, of_model("--delta", metavar=NUMBER, help="help.delta")]
Epsilon = Annotated[float, of_model("--epsilon", metavar=NUMBER, help="help.epsilon")]
Quantile = Annotated[float, of_model("--quantile", metavar=NUMBER, help="help.quantile")]
PenaltyName = Literal["none", "l2", "l1", "elasticnet"]
Penalty = Annotated[PenaltyName, of_model("--penalty", metavar=NAME, help="help.penalty")]
SmoothPenaltyName = Literal["none", "l2"]
SmoothPenalty = Annotated[SmoothPenaltyName, of_model("--penalty", metavar=NAME, help="help.smooth_penalty")]
Alpha = Annotated[float, of_model("--alpha", metavar=NUMBER, help="help.alpha")]
L1Ratio = Annotated[float, of_model("--l1-ratio", metavar=NUMBER, help="help.l1_ratio")]
NoIntercept = Annotated[bool, of_model("--no-intercept", metavar=FLAG, help="help.no_intercept")]

# ------------------------------------------------------------------------------------------------------------ descent
MethodName = Literal["auto", "gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "averaged", "saga"]
Method = Annotated[MethodName, of_descent("--method", metavar=NAME, help="help.method")]
Momentum = Annotated[float, of_descent("--momentum", metavar=NUMBER, help="help.momentum")]
LearningRate = Annotated[str, of_descent("--learning-rate", metavar=NUMBER, help="help.learning_rate")]
LearningRates = Annotated[list[str] | None, of_descent("--learning-rates", metavar=NUMBERS, help="help.learning_rates")]
Methods = Annotated[list[str] | None, of_descent("--methods", metavar=NAMES, help="help.methods")]
Momenta = Annotated[list[str] | None, of_descent("--momenta", metavar=NUMBERS, help="help.momenta")]
Jobs = Annotated[int, of_descent("--jobs", min=1, metavar=NUMBER, help="help.jobs")]
BatchSize = Annotated[int | None, of_descent("--batch-size", metavar=NUMBER, help="help.batch_size")]
MaxIter = Annotated[int, of_descent("--max-iter", metavar=NUMBER, help="help.max_iter")]
Tol = Annotated[float, of_descent("--tol", metavar=NUMBER, help="help.tol")]
StopBelow = Annotated[float | None, of_descent("--stop-below", metavar=NUMBER, help="help.stop_below")]
EarlyStopping = Annotated[bool, of_descent("--early-stopping", metavar=FLAG, help="help.early_stopping")]
ValidationFraction = Annotated[
    float, of_descent("--validation-fraction", metavar=SHARE, help="help.validation_fraction")
]
InitName = Literal["zeros", "uniform"]
Init = Annotated[InitName, of_descent("--init", metavar=NAME, help="help.init")]
Standardize = Annotated[bool, of_descent("--standardize/--raw", metavar=FLAG, help="help.standardize")]
EngineName = Literal["auto", "spectral", "moments", "data", "stochastic"]
Engine = Annotated[EngineName, of_descent("--engine", metavar=NAME, help="help.engine")]

# ------------------------------------------------------------------------------------------------------------ results
Output = Annotated[Path, of_results("--output", "-o", metavar=FILE, help="help.output")]
ModelOutput = Annotated[Path | None, of_results("--model", metavar=FILE, help="help.model")]
HistoryOutput = Annotated[Path | None, of_results("--history", metavar=FILE, help="help.history")]
PlotOutput = Annotated[Path | None, of_results("--plot", metavar=FILE, help="help.plot")]
Checkpoint = Annotated[Path | None, of_results("--checkpoint", metavar=FOLDER, help="help.checkpoint")]
Verbose = Annotated[int, of_results("--verbose", min=0, metavar="K", help="help.verbose")]
AsJson = Annotated[bool, of_results("--json", metavar=FLAG, help="help.as_json")]
Lang = Annotated[str | None, typer.Option(LANGUAGE, metavar="en|ko", help="help.lang")]


def take_language(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with an option more, ``--lang``, which has been obeyed before anything was parsed."""

    @wraps(command)
    def run(*arguments: Any, lang: str | None = None, **options: Any) -> Any:  # noqa: ARG001
        return command(*arguments, **options)

    own = inspect.signature(command)
    asked = inspect.Parameter("lang", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Lang)
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), asked])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "lang": Lang}
    return run


def names_in(given: Sequence[str] | None) -> list[str] | None:
    """Names of columns, given one or several at a time with commas between them; quotes keep a comma in a name.

    Examples
    --------
    >>> names_in(["a,b", 'c,"d, e"'])
    ['a', 'b', 'c', 'd, e']
    """
    if given is None:
        return None
    return [name.strip() for name in next(csv.reader([",".join(given)], skipinitialspace=True)) if name.strip()]
