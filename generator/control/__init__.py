"""From somebody's film to what a ControlNet sees. Knows no model of Hotshot's, and no Discord."""
