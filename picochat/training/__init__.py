"""Turning text into a model."""
