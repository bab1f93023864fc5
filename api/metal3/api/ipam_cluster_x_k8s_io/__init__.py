"""The API group ``ipam.cluster.x-k8s.io``: what providers of addresses serve."""
