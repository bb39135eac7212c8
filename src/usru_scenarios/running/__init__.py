"""Where blocks of trials run: in this process, in several, or on a cluster; the results are the same, bit for bit."""
