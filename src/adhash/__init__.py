"""adhash: an adaptive hash map, and the lab to choose a hash map on your own traffic."""
