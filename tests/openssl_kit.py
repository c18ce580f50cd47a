"""What the tests ask of OpenSSL beyond signatures: certificates, CMS messages and key files."""

from __future__ import annotations

import ctypes

from benchmarks.libcrypto import Libcrypto

_MBSTRING_UTF8 = 0x1000
CMS_DETACHED, CMS_BINARY, CMS_NOATTR, CMS_STREAM = 0x40, 0x80, 0x100, 0x1000
_CMS_NO_SIGNER_CERT_VERIFY, _CMS_PARTIAL = 0x20, 0x4000


class OpenSSL(Libcrypto):
    """libcrypto with what stands above its keys."""

    def __init__(self) -> None:
        super().__init__()
        for name in (
            "X509_new", "d2i_X509", "X509_get0_pubkey", "X509_get_subject_name", "X509_get_serialNumber",
            "X509_getm_notBefore", "X509_getm_notAfter", "BIO_new", "BIO_s_mem", "BIO_new_mem_buf", "EVP_aes_256_cbc",
            "PEM_read_bio_PrivateKey", "CMS_sign", "CMS_add1_signer", "d2i_CMS_bio", "EVP_get_digestbyname",
        ):  # fmt: skip
            getattr(self._lib, name).restype = ctypes.c_void_p

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
