"""SLH-DSA of OpenSSL's libcrypto, with its certificates, CMS messages and key files, through ctypes."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

_MBSTRING_UTF8 = 0x1000
CMS_DETACHED, CMS_BINARY, CMS_NOATTR, CMS_STREAM = 0x40, 0x80, 0x100, 0x1000
_CMS_NO_SIGNER_CERT_VERIFY, _CMS_PARTIAL = 0x20, 0x4000


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
        for name in (
            "EVP_PKEY_Q_keygen", "EVP_PKEY_new_raw_public_key_ex", "EVP_MD_CTX_new", "X509_new", "d2i_X509",
            "X509_get0_pubkey", "X509_get_subject_name", "X509_get_serialNumber", "X509_getm_notBefore",
            "X509_getm_notAfter", "BIO_new", "BIO_s_mem", "BIO_new_mem_buf", "EVP_aes_256_cbc",
            "PEM_read_bio_PrivateKey", "CMS_sign", "CMS_add1_signer", "d2i_CMS_bio", "EVP_get_digestbyname",
        ):  # fmt: skip
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

    def certificate(self, key: ctypes.c_void_p, common_name: str) -> bytes:
        """A self-signed certificate in DER, valid for an hour."""
        lib, found = self._lib, ctypes.c_void_p(self._lib.X509_new())
        try:
            subject = ctypes.c_void_p(lib.X509_get_subject_name(found))
            self._check(lib.X509_set_version(found, ctypes.c_long(2)))
            self._check(lib.ASN1_INTEGER_set(ctypes.c_void_p(lib.X509_get_serialNumber(found)), ctypes.c_long(1)))
            for of, seconds in (lib.X509_getm_notBefore, 0), (lib.X509_getm_notAfter, 3600):
                lib.X509_gmtime_adj(ctypes.c_void_p(of(found)), ctypes.c_long(seconds))
            text = common_name.encode()
            self._check(lib.X509_NAME_add_entry_by_txt(subject, b"CN", _MBSTRING_UTF8, text, len(text), -1, 0))
            self._check(lib.X509_set_issuer_name(found, subject))
            self._check(lib.X509_set_pubkey(found, key))
            self._check(1 if lib.X509_sign(found, key, None) > 0 else 0)
            out = ctypes.create_string_buffer(lib.i2d_X509(found, None))
            lib.i2d_X509(found, ctypes.byref(ctypes.cast(out, ctypes.c_char_p)))
            return out.raw
        finally:
            lib.X509_free(found)

    def certificate_holds(self, data: bytes) -> bool:
        """Whether a certificate in DER is signed by its own key."""
        lib = self._lib
        pointer = ctypes.c_char_p(data)
        found = ctypes.c_void_p(lib.d2i_X509(None, ctypes.byref(pointer), ctypes.c_long(len(data))))
        if not found:
            return False
        try:
            return bool(lib.X509_verify(found, ctypes.c_void_p(lib.X509_get0_pubkey(found))) == 1)
        finally:
            lib.X509_free(found)

    def write_private(self, key: ctypes.c_void_p, password: bytes) -> bytes:
        """PKCS#8 in PEM, under a password."""
        lib = self._lib
        out = ctypes.c_void_p(lib.BIO_new(ctypes.c_void_p(lib.BIO_s_mem())))
        try:
            cipher = ctypes.c_void_p(lib.EVP_aes_256_cbc())
            self._check(lib.PEM_write_bio_PKCS8PrivateKey(out, key, cipher, password, len(password), None, None))
            return self._drained(out)
        finally:
            lib.BIO_free(out)

    def read_private(self, pem: bytes, password: bytes) -> bytes:
        """The raw private key in a PEM file; RuntimeError if it cannot be read."""
        lib = self._lib
        source = ctypes.c_void_p(lib.BIO_new_mem_buf(pem, len(pem)))
        try:
            key = self._key(lib.PEM_read_bio_PrivateKey(source, None, None, password))
        finally:
            lib.BIO_free(source)
        return self._filled(lambda out, size: lib.EVP_PKEY_get_raw_private_key(key, out, size))

    def cms_sign(
        self, key: ctypes.c_void_p, certificate: bytes, content: bytes, digest: str, *, flags: int = 0
    ) -> bytes:  # fmt: skip
        """A CMS message of the key with that certificate; of flags CMS_STREAM makes it BER of indefinite lengths."""
        lib, pointer = self._lib, ctypes.c_char_p(certificate)
        found = ctypes.c_void_p(lib.d2i_X509(None, ctypes.byref(pointer), ctypes.c_long(len(certificate))))
        source = ctypes.c_void_p(lib.BIO_new_mem_buf(content, len(content)))
        out = ctypes.c_void_p(lib.BIO_new(ctypes.c_void_p(lib.BIO_s_mem())))
        flags |= CMS_BINARY
        try:
            message = self._key(lib.CMS_sign(None, None, None, None, flags | _CMS_PARTIAL))
            function = ctypes.c_void_p(lib.EVP_get_digestbyname(digest.encode()))
            self._check(1 if lib.CMS_add1_signer(message, found, key, function, flags) else 0)
            if not flags & CMS_STREAM:
                self._check(lib.CMS_final(message, source, None, flags))
            self._check(lib.i2d_CMS_bio_stream(out, message, source, flags))
            return self._drained(out)
        finally:
            lib.BIO_free(source)
            lib.BIO_free(out)
            lib.X509_free(found)

    def cms_holds(self, message: bytes, content: bytes | None = None) -> bool:
        """Whether the signatures of a CMS message fit the certificates in it, which are taken as they are."""
        lib = self._lib
        source = ctypes.c_void_p(lib.BIO_new_mem_buf(message, len(message)))
        given = None if content is None else ctypes.c_void_p(lib.BIO_new_mem_buf(content, len(content)))
        try:
            found = self._key(lib.d2i_CMS_bio(source, None))
            return bool(lib.CMS_verify(found, None, None, given, None, CMS_BINARY | _CMS_NO_SIGNER_CERT_VERIFY) == 1)
        finally:
            lib.BIO_free(source)
            lib.BIO_free(given)

    def _drained(self, out: ctypes.c_void_p) -> bytes:
        found, piece = b"", ctypes.create_string_buffer(1 << 16)
        while (length := self._lib.BIO_read(out, piece, len(piece))) > 0:
            found += piece.raw[:length]
        return found

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
