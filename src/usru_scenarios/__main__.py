"""`python -m usru_scenarios` is the `usru` command."""

import sys

from usru_scenarios.cli import main

sys.exit(main())
