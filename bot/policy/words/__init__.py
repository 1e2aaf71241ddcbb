"""Words and patterns that a prompt may not have, however they are disguised."""
