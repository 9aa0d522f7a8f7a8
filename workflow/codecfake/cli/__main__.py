"""Run the command line as a module (`python -m codecfake.cli`), as torchrun does."""

import sys

from codecfake.cli.main import main

sys.exit(main())
