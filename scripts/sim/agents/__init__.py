"""One file a role: its strategies, each a small class that says what differs from honesty."""
