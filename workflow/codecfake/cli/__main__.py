"""The command line as a module: `python -m codecfake.cli`, as torchrun starts it."""

import sys

from codecfake.cli.main import main

sys.exit(main())
