"""What a ControlNet sees of a source. Knows no model of Hotshot's, and no Discord."""
