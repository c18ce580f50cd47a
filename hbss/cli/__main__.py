"""python -m hbss.cli"""

from hbss.cli import main

main()
