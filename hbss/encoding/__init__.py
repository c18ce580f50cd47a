"""Keys as files: DER, PEM, SubjectPublicKeyInfo and PKCS#8. Bytes only; what a key means is said in `hbss.keys`."""
