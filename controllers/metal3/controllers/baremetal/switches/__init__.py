"""What the networking service of Ironic is told about switches.

``settings`` says whether, and where to; ``logins`` reads a switch's Secret; ``configuration`` is the
text that comes out.
"""
