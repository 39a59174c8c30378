#!/bin/sh
# Writes build/stamp: the build id, 16 hexadecimal digits over names and contents of what ends up in a running program.
# Usage: stamp.sh [FILE]    the stamp takes FILE's time, so that what was edited during the build is newer.

cd "$(dirname "$0")/.." || exit 1
mkdir -p build
find src native package-lock.json -type f ! -name '*.test.ts' -print0 | LC_ALL=C sort -z |
  xargs -0 sha256sum | sha256sum | cut -c1-16 >build/stamp.$$ || exit 1
[ -n "${1-}" ] && touch -r "$1" build/stamp.$$
mv -f build/stamp.$$ build/stamp
