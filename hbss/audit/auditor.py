"""The audit itself: signatures come in, one after another, and a report comes out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from hbss.audit.index import Index
from hbss.audit.report import Finding, Refused, Report
from hbss.errors import InvalidSignature
from hbss.keys import PublicKey
from hbss.message import view
from hbss.signature import Malformed, OneTime, Reading, holds, reader

if TYPE_CHECKING:
    from typing_extensions import Buffer
else:
    Buffer = object

_REMEMBERED = 4096  # inner one-time signatures that need not be written again


class Audit:
    """An audit of one public key of LMS, HSS, XMSS or XMSS^MT, to be used by one thread. Close it, or use `with`.

    index: a file that keeps what was seen, so that a later audit of the same key goes on from there; a file that exists
    must be such an index. None: a temporary one, which goes with the audit. ValueError if the key has no state, or the
    file is no index of this key; OSError if it cannot be read or written, or another audit has it open.
    """

    def __init__(self, public_key: PublicKey, index: str | os.PathLike[str] | None = None) -> None:
        self._key, self._reader = public_key, reader(public_key)
        self._remembered: set[tuple[OneTime, bool]] = set()
        self._inner_is_verified = public_key.scheme == "HSS"
        self._index = Index(None if index is None else Path(index), public_key.der())

    def add(self, signature: Buffer, message: Buffer | None = None, name: str | None = None) -> None:
        """Take in one signature, in any order. It is only counted if it is malformed, or does not verify.

        message: what it signs, so that it can be verified. name: what reports call it (default: its number).
        """
        data = signature if type(signature) is bytes else bytes(view(signature, "signature"))
        content = None if message is None else view(message, "message")
        if name is not None:
            name = name.encode("utf-8", "backslashreplace").decode()  # a file's name may be no text
        ordinal = self._index.count()
        try:
            found = self._reader.read(data)
            self._verify(data, content, found)
        except Malformed as error:
            self._index.refuse("malformed", ordinal, name, f"malformed: {error}")
        except InvalidSignature:
            level = "" if content is not None else " in an inner level"
            self._index.refuse("invalid", ordinal, name, f"does not verify{level}")
        else:
            verified = content is not None
            self._index.see(found.number, verified)
            for use in found.uses:
                if use.layer == 0:
                    self._index.put(use, ordinal, name, verified)
                elif self._is_news(use, verified):
                    self._index.put(use, ordinal, name, verified or self._inner_is_verified)

    def _verify(self, signature: bytes, content: memoryview | None, found: Reading) -> None:
        """As far as it can be done: whole with the message, else the inner levels of HSS."""
        if content is not None:
            self._key.verify(signature, content)
        elif not all(map(holds, found.links)):
            raise InvalidSignature

    def _is_news(self, use: OneTime, verified: bool) -> bool:
        """Whether an inner one-time signature was not seen just before, as it mostly was."""
        if (use, verified) in self._remembered:
            return False
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered.add((use, verified))
        return True

    def findings(self) -> Iterator[Finding]:
        """All findings so far, however many. Take in no signature while this runs."""
        return self._index.findings()

    def report(self, limit: int = 1000) -> Report:
        """The result so far, with at most `limit` findings and as many refused signatures."""
        if limit < 0:
            raise ValueError(f"the limit is a number of findings, 0 or more; got {limit}")
        shown: list[Finding] = []
        reused = extra = 0
        for finding in self.findings():
            reused += 1
            extra += finding.values - 1 if finding.layer == 0 else 0
            if len(shown) < limit:
                shown.append(finding)
        counts = self._index.counts
        return Report(
            findings=tuple(shown),
            reused=reused,
            signatures=counts["signatures"],
            unverified=counts["unverified"],
            malformed=counts["malformed"],
            invalid=counts["invalid"],
            refused=tuple(Refused(*each) for each in self._index.refused(limit)),
            leaves=self._index.values_of_layer_0() - extra,
            highest=self._index.highest,
        )

    def close(self) -> None:
        """Write what is left to the index and let go of it; a temporary one is gone."""
        self._index.close()

    def __enter__(self) -> Audit:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._index.close(save=kind is None)  # after an exception the index keeps what it had written before


def find_reuse(
    public_key: PublicKey,
    signatures: Iterable[Buffer | tuple[Buffer, Buffer | None]],
    index: str | os.PathLike[str] | None = None,
) -> Report:
    """Audit signatures of one key, each by itself or as a pair with its message. See `Audit`, which can do more."""
    with Audit(public_key, index) as audit:
        for each in signatures:
            if isinstance(each, tuple):
                audit.add(*each)
            else:
                audit.add(each)
        return audit.report()
