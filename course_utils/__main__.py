"""`python -m course_utils` checks the environment and ends with 1 if a check fails."""

import sys

from course_utils.environment import report

if __name__ == "__main__":
    lines = report()
    print("\n".join(lines))
    sys.exit(any(line.startswith("FAIL") for line in lines))
