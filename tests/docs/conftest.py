"""Tests of the service's pages run against real servers."""

from real_servers import serving as serving
