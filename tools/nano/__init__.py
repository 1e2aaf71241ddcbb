"""How nano is made and measured: its training, its evaluation, its proofs."""
