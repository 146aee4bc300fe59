"""Everything between a user's files and token ids."""
