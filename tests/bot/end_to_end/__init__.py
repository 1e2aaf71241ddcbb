"""The real bot as a child process, the sandbox as its Discord, real workers with quick engines."""
