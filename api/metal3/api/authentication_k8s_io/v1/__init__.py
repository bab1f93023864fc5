"""Asking the API server whose token this is."""

from ._tokenreview import TokenReview, TokenReviewSpec, TokenReviewStatus, UserInfo

__all__ = ["TokenReview", "TokenReviewSpec", "TokenReviewStatus", "UserInfo"]
