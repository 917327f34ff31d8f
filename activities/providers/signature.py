"""Signs requests, so that whoever receives one knows that it is ours, whole, and new.

`Regulars-Signature: t=1774000000,v1=5f2c…`: `v1` is the HMAC-SHA256, in hexadecimal digits, of the time in seconds, a
dot, and the body's bytes. A receiver computes it with the shared secret, compares in constant time, and refuses times
that are minutes old.
"""

import hashlib
import hmac

SIGNATURE = "Regulars-Signature"


def signature(secret: str, content: bytes, at: int) -> str:
    """The header's value.

    Args:
        secret: shared with the receiver.
        content: the body as it is sent.
        at: seconds since 1970, by the clock and not by the shop's logical time.
    """
    signed = hmac.new(secret.encode(), b"%d." % at + content, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"
