"""``hotshot-bot sandbox`` at a terminal: what a person types, and what they see."""
