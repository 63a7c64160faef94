"""Support links: pages that customers open, redeem and come back to, and the console's commands.

``routes.py`` is the table of addresses; ``redeem.py`` holds the only writes.
"""
