"""What both processes say and check. Standard library only."""
