"""The API group ``ipam.metal3.io``, one package a version."""
