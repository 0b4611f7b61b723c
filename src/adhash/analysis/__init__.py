"""Deciding on measurements: which engine suits a trace, which of two is better, and why."""
