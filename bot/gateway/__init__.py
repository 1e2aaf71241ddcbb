"""What comes from Discord before a command sees it, and what leaves for it. No command here."""
