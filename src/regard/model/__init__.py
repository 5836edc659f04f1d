"""Tensors; knows no text, no files, no options object."""
