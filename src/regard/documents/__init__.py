"""Files of several formats: read into segments of text, and written from their translations."""
