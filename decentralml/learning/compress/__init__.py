"""Updates in few bytes: what changed most, in few bits, and what was left out is not forgotten."""
