"""Train models that differ in some choices alone, and compare them."""

from regard.experiment.compare import compare
from regard.experiment.plan import CompareOptions, Plan, plan_ready, plan_training
from regard.experiment.sweep import choose, choose_named

__all__ = [
    "CompareOptions",
    "Plan",
    "choose",
    "choose_named",
    "compare",
    "plan_ready",
    "plan_training",
]
