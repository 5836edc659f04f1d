"""Words and numbers; knows no model."""
