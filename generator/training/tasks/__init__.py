"""What is trained: temporal layers from clips, a LoRA from pictures."""
