"""The process that holds an engine, on both sides of its pipes. Free of torch."""
