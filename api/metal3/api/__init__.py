"""What is said to Kubernetes: typed kinds, one package per API group and version.

Nothing here does I/O; every layer above imports its nouns from these packages.
"""
