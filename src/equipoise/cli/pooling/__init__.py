"""The stages of `equipoise pool`: file → columns → roles → analysis → files."""
