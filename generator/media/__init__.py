"""Frames in, files out. Knows nothing of models, prompts or Discord."""
