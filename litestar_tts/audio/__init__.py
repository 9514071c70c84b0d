"""Decode, join, change and encode audio, streaming in and out."""
