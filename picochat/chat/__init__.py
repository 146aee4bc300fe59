"""A conversation, with no screen in it."""
