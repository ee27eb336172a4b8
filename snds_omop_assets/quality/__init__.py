"""Proof that the CDM tables conform: checks on what is stored, whatever computed it."""
