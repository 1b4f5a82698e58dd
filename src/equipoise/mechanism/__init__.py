"""Signed causal statements and the paths they form."""
