"""What a descent will do, told before it is made."""

from downslope.diagnosis.advice import Advice
from downslope.diagnosis.bowl import Bowl, Pace, Prospect, Share
from downslope.diagnosis.cells import Cells, Far
from downslope.diagnosis.columns import Collinear, Columns
from downslope.diagnosis.diagnose import diagnose, diagnose_source
from downslope.diagnosis.outliers import Outliers
from downslope.diagnosis.report import Diagnosis

__all__ = [
    "Advice",
    "Bowl",
    "Cells",
    "Collinear",
    "Columns",
    "Diagnosis",
    "Far",
    "Outliers",
    "Pace",
    "Prospect",
    "Share",
    "diagnose",
    "diagnose_source",
]
