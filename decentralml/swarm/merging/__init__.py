"""How the updates of a round become one model, and which of them may."""
