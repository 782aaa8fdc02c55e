"""The options of the commands: how each is written, what it takes, and one line on what it does."""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

# Parameters that belong together stand in one panel of the help.
of_rows = partial(typer.Option, rich_help_panel="Rows and columns")
of_model = partial(typer.Option, rich_help_panel="Model")
of_descent = partial(typer.Option, rich_help_panel="Descent")
of_results = partial(typer.Option, rich_help_panel="Results")
NUMBER, NAME, NAMES, COLUMN, FILE, FLAG = "NUMBER", "NAME", "A,B,…", "COLUMN", "FILE", " "

# --------------------------------------------------------------------------------------------------- rows and columns
Data = Annotated[Path, typer.Argument(help="A CSV file in UTF-8 with a header.", metavar="DATA", show_default=False)]
Target = Annotated[str, of_rows("--target", "-t", metavar=COLUMN, help="The column to predict.", show_default=False)]
Features = Annotated[
    list[str] | None, of_rows("--features", metavar=NAMES, help="Columns to predict it from; all others if not given.")
]
Exclude = Annotated[list[str] | None, of_rows("--exclude", metavar=NAMES, help="Columns to leave out.")]
Categorical = Annotated[
    list[str] | None, of_rows("--categorical", metavar=NAMES, help="Features whose values are categories.")
]
Policy = Literal["drop", "mean"]
MissingPolicy = Annotated[
    Policy | None,
    of_rows("--missing", help="Drop the rows with missing values, or fill in the mean of the column."),
]
Weights = Annotated[str | None, of_rows("--weights", metavar=COLUMN, help="How much each row counts.")]
TestSize = Annotated[
    float | None, of_rows("--test-size", metavar="SHARE", help="Hold out this share of the rows and measure on them.")
]
Seed = Annotated[int, of_rows("--seed", min=0, metavar=NUMBER, help="Makes what is drawn at random repeatable.")]

# -------------------------------------------------------------------------------------------------------------- model
LossName = Literal[
    "squared_error",
    "huber",
    "absolute_error",
    "quantile",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
]
Loss = Annotated[
    LossName,
    of_model(
        "--loss",
        metavar=NAME,
        help="What is made small: squared_error, huber, absolute_error, quantile, epsilon_insensitive, "
        "squared_epsilon_insensitive.",
    ),
]
Delta = Annotated[float, of_model("--delta", metavar=NUMBER, help="Where huber turns straight, in units of y.")]
Epsilon = Annotated[float, of_model("--epsilon", metavar=NUMBER, help="Errors up to this cost nothing, in units of y.")]
Quantile = Annotated[float, of_model("--quantile", metavar=NUMBER, help="The quantile of that loss.")]
PenaltyName = Literal["none", "l2", "l1", "elasticnet"]
Penalty = Annotated[
    PenaltyName, of_model("--penalty", metavar=NAME, help="On large coefficients: none, l2, l1, elasticnet.")
]
SmoothPenaltyName = Literal["none", "l2"]
SmoothPenalty = Annotated[
    SmoothPenaltyName, of_model("--penalty", metavar=NAME, help="On large coefficients: none, l2.")
]
Alpha = Annotated[float, of_model("--alpha", metavar=NUMBER, help="The strength of the penalty.")]
L1Ratio = Annotated[float, of_model("--l1-ratio", metavar=NUMBER, help="The share of l1 in the elastic net.")]
NoIntercept = Annotated[bool, of_model("--no-intercept", metavar=FLAG, help="Force the line through the origin.")]

# ------------------------------------------------------------------------------------------------------------ descent
MethodName = Literal["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "averaged", "saga"]
Method = Annotated[
    MethodName,
    of_descent(
        "--method",
        metavar=NAME,
        help="How a step is made: gd, momentum, nesterov, adagrad, rmsprop, adam, averaged, saga.",
    ),
]
Momentum = Annotated[float, of_descent("--momentum", metavar=NUMBER, help="Of momentum, nesterov and adam.")]
LearningRate = Annotated[str, of_descent("--learning-rate", metavar=NUMBER, help='The rate of the steps, or "auto".')]
NUMBERS = "1,2,…"
LearningRates = Annotated[
    list[str] | None,
    of_descent("--learning-rates", metavar=NUMBERS, help="Rates to try; if not given, around the largest stable one."),
]
Methods = Annotated[list[str] | None, of_descent("--methods", metavar=NAMES, help="Methods to try; gd if not given.")]
Momenta = Annotated[
    list[str] | None, of_descent("--momenta", metavar=NUMBERS, help="Momenta to try; 0.9 if not given.")
]
Jobs = Annotated[int, of_descent("--jobs", min=1, metavar=NUMBER, help="Fits at a time, of those that must be run.")]
BatchSize = Annotated[
    int | None, of_descent("--batch-size", metavar=NUMBER, help="Rows an update: 1 is row by row; all without it.")
]
MaxIter = Annotated[int, of_descent("--max-iter", metavar=NUMBER, help="The most epochs.")]
Tol = Annotated[
    float, of_descent("--tol", metavar=NUMBER, help="Stop when less than this share is left to gain; 0 never.")
]
StopBelow = Annotated[
    float | None, of_descent("--stop-below", metavar=NUMBER, help="Stop when the mean squared error is below.")
]
EarlyStopping = Annotated[
    bool, of_descent("--early-stopping", metavar=FLAG, help="Stop when rows set aside get no better.")
]
ValidationFraction = Annotated[
    float, of_descent("--validation-fraction", metavar="SHARE", help="The share set aside for that.")
]
InitName = Literal["zeros", "uniform"]
Init = Annotated[InitName, of_descent("--init", metavar=NAME, help="The start: zeros, or uniform, drawn from (-1, 1).")]
Raw = Annotated[
    bool, of_descent("--raw", metavar=FLAG, help="Descend in the units of the table, not in standardized ones.")
]
EngineName = Literal["auto", "spectral", "moments", "data", "stochastic"]
Engine = Annotated[
    EngineName, of_descent("--engine", metavar=NAME, help="What runs them: auto, spectral, moments, data, stochastic.")
]

# ------------------------------------------------------------------------------------------------------------ results
Output = Annotated[Path, of_results("--output", "-o", metavar=FILE, help="Write here; - is standard output.")]
ModelOutput = Annotated[Path | None, of_results("--model", metavar=FILE, help="Write the model (JSON).")]
HistoryOutput = Annotated[Path | None, of_results("--history", metavar=FILE, help="Write every epoch (CSV).")]
PlotOutput = Annotated[
    Path | None, of_results("--plot", metavar=FILE, help="Draw the descent and the fit (.png, .pdf, .svg).")
]
Verbose = Annotated[int, of_results("--verbose", min=0, metavar="K", help="Print every K-th epoch; 0 none.")]
AsJson = Annotated[bool, of_results("--json", metavar=FLAG, help="Print one JSON document instead.")]


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
