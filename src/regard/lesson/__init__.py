"""The built-in teaching corpus: a small grammar with gold alignments."""
