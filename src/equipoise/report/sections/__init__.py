"""The article's sections: each module writes its own from the story."""
