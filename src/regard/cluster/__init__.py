"""Bulk translation on Ray: one way of running `shards`."""
