"""Files into pairs, pairs into batches; knows no model."""
