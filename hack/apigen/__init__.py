"""Turns CRD files into pydantic models; run through ``hack/generate-api``.

``crds`` reads the files, ``names`` says what everything is called, ``shapes`` turns one structural
schema into plain JSON Schema with one named definition a class, and ``render`` has
datamodel-code-generator write the Python.
"""
