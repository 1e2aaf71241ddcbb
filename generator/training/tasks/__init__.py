"""The tasks that a run can have: temporal layers from clips, a LoRA from pictures."""
