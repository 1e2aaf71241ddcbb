"""From a request to frames and a file: the pipeline, its previews, the engine of a worker."""
