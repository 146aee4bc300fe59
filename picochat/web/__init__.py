"""One model for many clients over HTTP, in the form that OpenAI's clients speak."""
