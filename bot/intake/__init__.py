"""Takes in what people bring: fetched within bounds, checked by content, stored by hash."""
