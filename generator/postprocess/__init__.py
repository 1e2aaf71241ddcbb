"""What is done to finished frames and files without a model: edits, fitting to a size."""
