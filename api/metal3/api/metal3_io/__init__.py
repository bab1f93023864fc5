"""The API group ``metal3.io``, one package a version."""
