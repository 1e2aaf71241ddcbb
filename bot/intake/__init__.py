"""What people bring: fetched within bounds, checked by content, kept by hash."""
