"""The parts of the Kubernetes API that every kind shares."""
