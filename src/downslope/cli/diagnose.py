"""``downslope diagnose``: what a descent on a table would do, before it is made."""

from downslope.cli import options
from downslope.cli.outcome import DONE

__all__ = ["diagnose"]


def diagnose(
    data: options.Data,
    target: options.Target,
    features: options.Features = None,
    exclude: options.Exclude = None,
    categorical: options.Categorical = None,
    missing: options.MissingPolicy = None,
    na: options.Codes = None,
    decimal: options.Decimal = ".",
    thousands: options.Thousands = None,
    encoding: options.Encoding = "utf-8",
    where: options.Where = None,
    date: options.Dates = None,
    weights: options.Weights = None,
    seed: options.Seed = 0,
    penalty: options.SmoothPenalty = "none",
    alpha: options.Alpha = 1e-4,
    no_intercept: options.NoIntercept = False,
    method: options.Method = "gd",
    momentum: options.Momentum = 0.9,
    learning_rate: options.LearningRate = "auto",
    init: options.Init = "zeros",
    as_json: options.AsJson = False,
) -> int:
    """Foretell a descent from one read of the table, and say what would make it better."""
    from downslope import diagnosis
    from downslope._version import __version__
    from downslope.cli.codes import hint_at
    from downslope.cli.console import json_text, printable, write_out
    from downslope.cli.fit import parse_rate
    from downslope.cli.rows import Choice, read_notation
    from downslope.cli.streamed import load

    rate = parse_rate(learning_rate)
    notation = read_notation(options.names_in(na), decimal, thousands, encoding, options.names_in(date))
    features, exclude, categorical = map(options.names_in, (features, exclude, categorical))
    choice = Choice(data, target, features, exclude, categorical, missing, weights, notation, encoding, where)
    table, _, rows, _ = load(choice)
    X, y, weight = rows.given
    found = diagnosis.diagnose(
        X,
        y,
        sample_weight=weight,
        feature_names=[printable(name) for name in table.feature_names],
        method=method,
        learning_rate=rate,
        momentum=momentum,
        penalty=None if penalty == "none" else penalty,
        alpha=alpha,
        fit_intercept=not no_intercept,
        init=init,
        random_state=seed,
        row_numbers=table.rows,
    )
    notes = [printable(str(note)) for note in table.notes]
    if as_json:
        about = {"downslope": __version__, "data": str(data), "target": target, "notes": notes}
        write_out(json_text({**about, **found.to_dict()}))
    else:
        hints = [str(hint_at(far)) for far in found.cells.codes]
        write_out("\n".join([*notes, str(found), *([""] if hints else []), *hints, ""]))
    return DONE
