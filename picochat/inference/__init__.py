"""Turning a model into text: sampling, back ends and the engine."""
