"""How good a model is: bits per byte of a text, a sheet of prompts with checks, and how much it writes from memory."""
