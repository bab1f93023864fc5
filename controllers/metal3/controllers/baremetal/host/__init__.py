"""One look at one host: the pieces that the states are made of.

``hostpass`` is what a look carries along, ``actions`` what it can decide, ``table`` the shape of the
state machine; the rest are concerns (power, RAID, firmware, secrets, ...), one module each.
"""
