"""What the system tests stand on: a raw client, a scriptable upstream, tokens, the log read anew."""
