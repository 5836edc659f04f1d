"""Pictures of a translation: where it looked."""
