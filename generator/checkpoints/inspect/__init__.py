"""What a file of weights is, told by its header alone: no tensor is read, and no torch imported."""
