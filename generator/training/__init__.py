"""Training: the course of a run, its loop, step, checkpoints, trackers, its data and tasks."""
