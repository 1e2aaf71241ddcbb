"""nano: a small Hotshot-XL that ships with the package, and the recipe that trains it again."""
