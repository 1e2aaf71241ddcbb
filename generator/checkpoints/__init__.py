"""From files and the hub to tensors: what is where, its names, what of it is needed."""
