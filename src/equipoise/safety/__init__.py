"""Contraindications, interactions, adverse effects."""
