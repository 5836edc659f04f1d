"""Files to pairs, pairs to batches: formats, cleaning, the prepared corpus. Imports no model."""
