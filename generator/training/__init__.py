"""Training: the step that fine-tuning uses, and the recipe of nano with it."""
