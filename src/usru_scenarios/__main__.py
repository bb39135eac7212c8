"""`python -m usru_scenarios` is the `usru` command."""

import sys

from usru_scenarios.entry import main

sys.exit(main())
