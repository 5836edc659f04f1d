"""Text to tokens and back: normalization, sentences, words, vocabularies. Imports no model."""
