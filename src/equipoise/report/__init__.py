"""The answer: plain data, its sentences with grounds, the article and its exports."""
