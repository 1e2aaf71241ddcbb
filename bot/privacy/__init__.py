"""What people and servers can have exported and erased. No Discord here."""
