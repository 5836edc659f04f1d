"""Train alike, compare: models that differ in one choice, and in nothing else."""

from regard.experiment.compare import compare
from regard.experiment.plan import Asked, Plan, plan_ready, plan_training

__all__ = [
    "Asked",
    "Plan",
    "compare",
    "plan_ready",
    "plan_training",
]
