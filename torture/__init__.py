"""Breaking the control surface on purpose, and counting what was lost: ``python -m torture``."""
