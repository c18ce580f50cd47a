"""Audit of a stateful key: was any of its one-time keys used for two different values?

It needs the public key and signatures, and no secret. Millions of signatures may pass: what they used is kept in an
index on the disk, so memory stays constant. One audit is of one public key.

    with hbss.audit.Audit(public_key) as audit:
        for signature, message in archive:
            audit.add(signature, message)
        report = audit.report()
    assert report.ok, report

What is compared. A one-time key is known by its place: in XMSS and XMSS^MT by layer, tree and leaf, as in their hash
addresses; in LMS and HSS by the identifier I of its tree and by q, wherever that tree hangs. What it gave away is its
one-time signature: randomiser and chain values (LM-OTS, and the lowest layer of XMSS^MT), or chain values alone. The
path beside them is public and says nothing. The same signature twice is no reuse. Inner trees are audited like the
lowest.

What is verified. A signature given with its message is verified first, and one that fails is counted, not compared: it
must not accuse an honest signer. Without the message only the inner levels of HSS can be verified, which sign public
keys that are in the signature, and they always are. The rest is compared as it stands: then a damaged file can look
like a reuse, and a finding says of each value whether it was verified.
"""

from hbss.audit.auditor import Audit, find_reuse
from hbss.audit.report import Finding, Refused, Report, Use

__all__ = ["Audit", "Finding", "Refused", "Report", "Use", "find_reuse"]
