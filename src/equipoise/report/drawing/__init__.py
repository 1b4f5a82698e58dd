"""Inline SVG for the article, drawn from plain data: forest plots and network graphs."""
