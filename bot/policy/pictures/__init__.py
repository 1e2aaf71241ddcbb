"""What a detector sees in pictures, and what follows from it."""
