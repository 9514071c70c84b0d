"""The road from a text to its speech: manuscript → casting → performance → lips → delivery → speech."""
