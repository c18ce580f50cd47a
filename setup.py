"""Only what pyproject.toml cannot say: the C extension, and one abi3 wheel for every Python from 3.10 on."""

from setuptools import setup

setup(cffi_modules=["hbss/_build.py:ffi"], options={"bdist_wheel": {"py_limited_api": "cp310"}})
