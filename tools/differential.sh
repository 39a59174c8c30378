#!/bin/sh
# `npm run differential`: as root on a Debian, installs what the scenarios need and is missing, then runs all of them. Arguments:
# test/differential/main.ts.
cd "$(dirname "$0")/.." || exit 1
./tools/setup.sh || exit

missing=
for pair in rsync:rsync patch:patch perl:perl ed:ed zip:zip unzip:unzip vim:vim git:git make:make ninja:ninja-build cmake:cmake \
  gcc:gcc g++:g++ python3:python3-venv sqlite3:sqlite3 dash:dash; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "differential: installing$missing" >&2
  # shellcheck disable=SC2086  # a list of packages
  { apt-get update -qq && apt-get install -y -qq $missing; } >&2 || echo "differential: some of them cannot be had" >&2
fi
exec node dist/test/differential/main.js "$@"
