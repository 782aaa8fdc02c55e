"""What the library has to say, as data, and the one place where it becomes a sentence, in English or Korean."""

from downslope.texts.catalogue import LANGUAGES
from downslope.texts.choosing import chosen_language, set_language
from downslope.texts.findings import Finding, Remedy, naming_options, say
from downslope.texts.language import language, language_in, speaking

__all__ = [
    "LANGUAGES",
    "Finding",
    "Remedy",
    "chosen_language",
    "language",
    "language_in",
    "naming_options",
    "say",
    "set_language",
    "speaking",
]
