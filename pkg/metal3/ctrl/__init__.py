"""The front door: the dozen runtime names every operator needs."""
