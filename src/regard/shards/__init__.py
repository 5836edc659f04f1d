"""Bulk translation: shards of text in, shards of text out, in any way of running it."""
