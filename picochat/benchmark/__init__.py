"""Measuring how fast a model runs here, and what fewer bits cost it; other programs run the same weights beside it."""
