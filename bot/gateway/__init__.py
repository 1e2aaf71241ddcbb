"""What comes from Discord before a command sees it, and what leaves for it. Holds no command."""
