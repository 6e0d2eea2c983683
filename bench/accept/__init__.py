"""The checks of `bench/acceptance.py`."""
