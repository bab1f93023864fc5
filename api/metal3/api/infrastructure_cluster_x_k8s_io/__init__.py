"""The API group ``infrastructure.cluster.x-k8s.io``, one package a version."""
