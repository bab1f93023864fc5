"""What serves a HostClaim: choosing a host, binding it, copying to it, reporting, letting go.

``choice`` and ``policies`` decide, without asking anybody. ``association`` finds the claim's host
or binds one, ``syncing`` and ``data_secrets`` copy what the claim asks for, ``reporting`` tells the
claim's owner, ``release`` undoes it all, ``wakeups`` says what wakes which claim.
"""
