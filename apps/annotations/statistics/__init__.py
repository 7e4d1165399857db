"""Agreement between people, and whether a difference is more than chance. Pure: no Django, no database, no clock."""

from apps.annotations.statistics.agreement import (
    Agreement,
    Label,
    Level,
    Rating,
    Weights,
    cohens_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    pairs_of,
    units_of,
)
from apps.annotations.statistics.comparing import Comparison, compare_paired, mcnemar, paired_permutation
from apps.annotations.statistics.intervals import (
    Interval,
    alpha_interval,
    bootstrap_interval,
    mean_interval,
    wilson_interval,
)
from apps.annotations.statistics.planning import holm, items_needed

__all__ = [
    "Agreement",
    "Comparison",
    "Interval",
    "Label",
    "Level",
    "Rating",
    "Weights",
    "alpha_interval",
    "bootstrap_interval",
    "cohens_kappa",
    "compare_paired",
    "fleiss_kappa",
    "holm",
    "items_needed",
    "krippendorff_alpha",
    "mcnemar",
    "mean_interval",
    "paired_permutation",
    "pairs_of",
    "units_of",
    "wilson_interval",
]
