"""What a contributor does: take a slot, run, rehearse, send."""
