"""SLH-DSA of OpenSSL's libcrypto, through ctypes."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Libcrypto:
    """The few functions of libcrypto that sign. Keys are not freed: a benchmark makes few."""

    def __init__(self) -> None:
        for path in self._libraries():
            try:
                self._lib = ctypes.CDLL(path)
            except OSError:
                continue
            self._lib.OpenSSL_version_num.restype = ctypes.c_ulong
            if self._lib.OpenSSL_version_num() >= 0x30500000:
                break
        else:
            raise ImportError("no libcrypto of OpenSSL 3.5 or newer; psycopg's binary wheel brings one")
        for name in ("EVP_PKEY_Q_keygen", "EVP_PKEY_new_raw_public_key_ex", "EVP_MD_CTX_new"):
            getattr(self._lib, name).restype = ctypes.c_void_p
        self._lib.OpenSSL_version.restype = ctypes.c_char_p
        self.version = self._lib.OpenSSL_version(0).decode("ascii").split()[1]

    @staticmethod
    def _libraries() -> list[str]:
        spec = importlib.util.find_spec("psycopg_binary")
        places = (spec and spec.submodule_search_locations) or []
        found = [path for place in places for path in Path(place).parent.glob("psycopg_binary.libs/libcrypto*")]
        return [*map(str, found), "libcrypto.so.3"]

    def keygen(self, name: str) -> ctypes.c_void_p:
        """A new key."""
        return self._key(self._lib.EVP_PKEY_Q_keygen(None, None, name.encode()))

    def read(self, name: str, raw: bytes) -> ctypes.c_void_p:
        """A key to verify with."""
        size = ctypes.c_size_t(len(raw))
        return self._key(self._lib.EVP_PKEY_new_raw_public_key_ex(None, name.encode(), None, raw, size))

    def public(self, key: ctypes.c_void_p) -> bytes:
        """The raw public key."""
        return self._filled(lambda out, size: self._lib.EVP_PKEY_get_raw_public_key(key, out, size))

    def sign(self, key: ctypes.c_void_p, message: bytes) -> bytes:
        """A signature without a context."""
        context = ctypes.c_void_p(self._lib.EVP_MD_CTX_new())
        try:
            self._check(self._lib.EVP_DigestSignInit_ex(context, None, None, None, None, key, None))
            size = ctypes.c_size_t(len(message))
            return self._filled(lambda out, length: self._lib.EVP_DigestSign(context, out, length, message, size))
        finally:
            self._lib.EVP_MD_CTX_free(context)

    def verify(self, key: ctypes.c_void_p, message: bytes, signature: bytes) -> bool:
        """Whether it is a signature of the message."""
        context = ctypes.c_void_p(self._lib.EVP_MD_CTX_new())
        try:
            self._check(self._lib.EVP_DigestVerifyInit_ex(context, None, None, None, None, key, None))
            sizes = ctypes.c_size_t(len(signature)), ctypes.c_size_t(len(message))
            return bool(self._lib.EVP_DigestVerify(context, signature, sizes[0], message, sizes[1]) == 1)
        finally:
            self._lib.EVP_MD_CTX_free(context)

    def _filled(self, call: Callable[[Any, Any], int]) -> bytes:
        out, size = ctypes.create_string_buffer(1 << 16), ctypes.c_size_t(1 << 16)
        self._check(call(out, ctypes.byref(size)))
        return out.raw[: size.value]

    def _key(self, pointer: int | None) -> ctypes.c_void_p:
        self._check(1 if pointer else 0)
        return ctypes.c_void_p(pointer)

    def _check(self, status: int) -> None:
        if status != 1:
            raise RuntimeError("libcrypto refuses")
