"""From words to phones to mouth shapes, on the audio's own clock."""
