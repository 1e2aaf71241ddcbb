"""The generator processes: one a device, kept alive and fed from the queue. No Discord."""
