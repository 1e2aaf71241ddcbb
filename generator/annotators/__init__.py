"""What a ControlNet sees of a source. Knows no Discord."""
