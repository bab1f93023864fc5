"""The framework the operators stand on, in the shape of controller-runtime; knows no Metal3 kind.

Layers, lowest first: types, log, metrics < scheme, rest, recorder < client < event, reconcile,
workqueue, certwatcher, healthz < cache, handler, predicate, patch, leaderelection, webhook <
source, manager < controller < builder, envtest.
"""
