#!/bin/sh
# `npm test`: makes the clone ready, then runs every test. Arguments choose files by a part of their path.
cd "$(dirname "$0")/.." || exit 1
./tools/setup.sh || exit
exec node dist/tools/run-tests.js "$@"
