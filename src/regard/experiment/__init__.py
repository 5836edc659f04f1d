"""Train models that differ in one choice alone, and compare them."""

from regard.experiment.compare import compare
from regard.experiment.plan import CompareOptions, Plan, plan_ready, plan_training

__all__ = [
    "CompareOptions",
    "Plan",
    "compare",
    "plan_ready",
    "plan_training",
]
