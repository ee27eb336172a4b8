"""The one report over a run."""
