"""The routes of the control surface, by what they are about."""
