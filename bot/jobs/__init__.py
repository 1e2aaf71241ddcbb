"""A job's life: its states, the queue, the workers, and delivery."""
