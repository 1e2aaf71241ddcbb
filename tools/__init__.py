"""What the project's own upkeep needs, and neither the bot nor the generator."""
