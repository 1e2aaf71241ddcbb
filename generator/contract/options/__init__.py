"""The options of a GIF: what each is, where it is offered, and what of them was given."""
