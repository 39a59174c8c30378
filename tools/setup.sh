#!/bin/sh
set -eu
cd "$(dirname "$0")/.."
mkdir -p build
touch build/stamp.new
echo "vrift: building" >&2
npx tsc -p . >&2
make -s -C native >&2
mv build/stamp.new build/stamp
