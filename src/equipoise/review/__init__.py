"""The review folder: plain files in, frozen dataclasses out, and back."""
