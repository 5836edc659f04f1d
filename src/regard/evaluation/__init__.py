"""How good translations are, as others measure it, by length, and with a test for chance."""

from regard.evaluation.length import Bucket, by_length
from regard.evaluation.quality import CONVENTIONS, Quality, bleu, measure

__all__ = ["CONVENTIONS", "Bucket", "Quality", "bleu", "by_length", "measure"]
