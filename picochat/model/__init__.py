"""The network, and nothing else: no files, no text, no user interface."""
