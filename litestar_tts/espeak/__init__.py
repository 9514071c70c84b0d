"""Own binding of libespeak-ng, which comes as the wheel ``espeakng-loader``; used by the eSpeak engine and by G2P."""
