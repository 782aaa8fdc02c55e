"""What typer and scikit-learn say of a wrong call, as findings: their own words are English."""

import re

from downslope.texts import Finding, Remedy

__all__ = ["invalid_parameter", "wrong_call"]

# The words of typer, older and newer, and what they say.
CALLS = [
    (r"No such command '(?P<got>.*)'", "command.no_such_command"),
    (r"No such command '(?P<got>.*)'\. Did you mean (?P<near>.+)\?", "command.no_such_command_but"),
    (r"No such option: (?P<got>\S+)", "command.no_such_option"),
    (r"No such option: (?P<got>\S+) \(Possible options: (?P<near>.+)\)", "command.no_such_option_but"),
    (r"No such option: (?P<got>\S+) Did you mean (?P<near>.+)\?", "command.no_such_option_but"),
    (r"Missing argument (?P<flag>'.+')", "command.missing_argument"),
    (r"Missing option (?P<flag>'.+')", "command.missing_option"),
    (r"Missing command", "command.missing_command"),
    (r"Got unexpected extra arguments?(\(s\))? \((?P<got>.*)\)", "command.extra_arguments"),
    (r"Option (?P<flag>'.+') requires an argument", "command.needs_value"),
    (r"Option (?P<flag>'.+') does not take a value", "command.takes_no_value"),
    (r"Invalid value for (?P<flag>'.+?'): (?P<got>'.*') is not one of (?P<known>'.+)", "command.not_a_choice"),
    (r"Invalid value for (?P<flag>'.+?'): .*valid (number|float).*", "command.not_a_number"),
    (r"Invalid value for (?P<flag>'.+?'): .*valid integer.*", "command.not_an_integer"),
    (r"Invalid value for (?P<flag>'.+?'): .*(than or equal to |range x>=)(?P<least>\S+)", "command.below_least"),
]
PARAMETER = re.compile(r"The '(?P<name>\w+)' parameter of \w+ must be (?P<accepted>.+)\. Got (?P<got>.+) instead\.")
RANGE = re.compile(r"an? (?P<kind>int|float) in the range (?P<range>.+)")


def wrong_call(told: str) -> Finding | str:
    """What typer says of a call; its own words where they are new to us."""
    told = told.replace("Value error, ", "").removesuffix(".")
    for words, code in reversed(CALLS):
        if found := re.fullmatch(words, told):
            return Finding.of(code, **found.groupdict())
    return told


def invalid_parameter(told: str) -> Finding | None:
    """What scikit-learn says of the value of a parameter, if that is what it says."""
    found = PARAMETER.fullmatch(told)
    if found is None:
        return None
    # What is None in Python is an option that is not given.
    accepted = found["accepted"].removesuffix(" or None")
    said = {"parameter": Remedy(found["name"]), "got": found["got"]}
    if limits := RANGE.fullmatch(accepted):
        code = "command.invalid_int" if limits["kind"] == "int" else "command.invalid_float"
        return Finding.of(code, range=limits["range"], **said)
    return Finding.of("command.invalid", accepted=accepted, **said)
