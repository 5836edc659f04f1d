"""Text with tags: translated as text, with every tag as it was written."""
