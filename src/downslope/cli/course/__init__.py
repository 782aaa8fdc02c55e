"""The course: gradient descent from a cloud of points to a real table, in English and Korean."""

from pathlib import Path

from downslope.cli.course.learning_rates import try_learning_rates
from downslope.cli.course.one_feature import descend_on_one_feature, meet_the_rows
from downslope.cli.course.page import write_page
from downslope.cli.course.real_table import fit_the_cars
from downslope.cli.course.several_features import descend_on_several_features
from downslope.cli.course.stage import Stage
from downslope.texts import naming_options
from downslope.texts.findings import name_in_python

__all__ = ["run_course"]


def run_course(folder: Path) -> None:
    """Run every step, and leave its pictures, a page that shows them and the model of the real table in `folder`."""
    stage = Stage(folder)
    # The course is told in Python, which has no options.
    with naming_options(name_in_python):
        rows = meet_the_rows(stage)
        try_learning_rates(stage, rows)
        descend_on_one_feature(stage, rows)
        descend_on_several_features(stage)
        model = fit_the_cars(stage)
    page = write_page(stage)
    stage.close(page, model)
