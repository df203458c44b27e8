"""A node as a process: how it joins, lives, and talks with its training."""
