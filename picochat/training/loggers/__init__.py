"""Where else a run is logged, beside its metrics.jsonl."""
