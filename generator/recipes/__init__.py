"""How a file was made: written into it, read back, checked. Free of torch."""
