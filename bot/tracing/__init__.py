"""A trace of each job, from the command to the message in Discord; knows no Discord."""
