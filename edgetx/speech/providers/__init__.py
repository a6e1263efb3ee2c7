"""One file a vendor: settings in, messages out, messages in, events out. Pure."""
