"""Reads request bodies in Kubernetes' protobuf envelope.

kubectl and Go clients send built-in kinds in it. Answers are always JSON, which they read as well.
"""

from ._decode import MEDIA_TYPE, ProtobufError, decode

__all__ = ["MEDIA_TYPE", "ProtobufError", "decode"]
