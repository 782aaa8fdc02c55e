"""The help of the commands, in the language that is spoken."""

from typing import Any

import typer.rich_utils

from downslope.texts import say

__all__ = ["HELP_FLAGS", "speak_help"]

HELP_FLAGS = ["-h", "--help"]

# What typer writes around the help of a program.
TITLES = {
    "ARGUMENTS_PANEL_TITLE": "help.panel_arguments",
    "OPTIONS_PANEL_TITLE": "help.panel_options",
    "COMMANDS_PANEL_TITLE": "help.panel_commands",
    "REQUIRED_LONG_STRING": "help.required",
    "DEFAULT_STRING": "help.default",
}
SAID = ("help", "metavar", "rich_help_panel")


def speak_help(command: Any) -> None:
    """Put words for the codes of the catalogue that stand in a command, its options and the commands under it."""
    for name, code in TITLES.items():
        setattr(typer.rich_utils, name, say(code))
    say_codes(command)
    for part in command.params:
        say_codes(part)
    shown = command.get_help_option(typer.Context(command, help_option_names=HELP_FLAGS))
    if shown is not None:
        shown.help = say("help.show_help")
    for below in getattr(command, "commands", {}).values():
        speak_help(below)


def say_codes(part: Any) -> None:
    """Put words for the codes in what is shown of a part."""
    for name in SAID:
        code = getattr(part, name, None)
        if isinstance(code, str) and code.startswith("help."):
            setattr(part, name, say(code))
