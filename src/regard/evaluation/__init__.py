"""Translation quality: BLEU, chrF and TER, BLEU by sentence length, and significance tests."""

from regard.evaluation.length import Bucket, by_length
from regard.evaluation.quality import CONVENTIONS, Quality, bleu, measure

__all__ = ["CONVENTIONS", "Bucket", "Quality", "bleu", "by_length", "measure"]
