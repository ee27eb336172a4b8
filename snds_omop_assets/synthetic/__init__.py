"""Synthetic deliveries of the SNDS with the truth that they were made from."""
