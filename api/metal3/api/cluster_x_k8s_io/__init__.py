"""The API group ``cluster.x-k8s.io``, one package a version."""
