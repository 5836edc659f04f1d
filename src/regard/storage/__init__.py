"""Models on disk: folders, single files, and model cards."""
