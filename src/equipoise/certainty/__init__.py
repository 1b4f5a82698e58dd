"""Certainty of evidence as stated rules with reasons."""
