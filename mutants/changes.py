"""What is changed: every number and every comparison of a module, by the operators of Cosmic Ray."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import comparison_operator_replacement
from cosmic_ray.operators.number_replacer import NumberReplacer
from parso.python.tree import Number

# A tolerance to which 1 is added is no longer one, and any test sees that: what must show is another size of it.
FACTOR = 20.0
# The neighbour and the opposite of each comparison; the other replacements are caught where one of these is.
COMPARISONS = (
    *("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt"),
    *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
)


class NumberChanger(NumberReplacer):
    """Whole numbers and zeros one up and one down, other numbers twenty times as large and as small."""

    def mutate(self, node: Any, index: int) -> Any:
        value = float(node.value) if re.search(r"[.e]", node.value) else int(node.value)
        if isinstance(value, int) or not value:
            changed = value + (1, -1)[index]
        else:
            changed = float(f"{value * (FACTOR, 1 / FACTOR)[index]:.12g}")
        return Number(repr(changed), node.start_pos, node.prefix)


OPERATORS = (
    NumberChanger(),
    *(getattr(comparison_operator_replacement, f"ReplaceComparisonOperator_{name}")() for name in COMPARISONS),
)


@dataclass(frozen=True)
class Mutant:
    """A module in which one place is changed.

    Attributes
    ----------
    number : int
        Of the changed line, from 1.
    line, becomes : str
        The line as it was and as it is now, without what surrounds it.
    code : str
        The whole module.
    """

    number: int
    line: str
    becomes: str
    code: str


def mutants_of(code: str) -> list[Mutant]:
    """All mutants of a module, in the order of its lines."""
    return sorted(find(code), key=lambda mutant: mutant.number)


def find(code: str) -> Iterator[Mutant]:
    """All mutants of a module, operator by operator."""
    lines = code.splitlines()
    for operator in OPERATORS:
        for occurrence in count():
            changed = mutate_code(code, operator, occurrence)
            if changed is None:
                break
            pairs = enumerate(zip(lines, changed.splitlines(), strict=True))
            number, (line, becomes) = next((k, pair) for k, pair in pairs if pair[0] != pair[1])
            yield Mutant(number + 1, line.strip(), re.sub(r" +", " ", becomes.strip()), changed)
