#!/bin/sh
# Makes DIR/node_modules out of real packages: over 100,000 files and 1 GB, for measurements of import and materialise.
# Nothing of them is run. Needs npm and its registry; about a quarter of an hour the first time.
set -eu
[ $# -eq 1 ] || { echo "usage: tools/package-tree.sh DIR" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
[ -f package.json ] || echo '{ "name": "package-tree", "private": true, "version": "1.0.0" }' > package.json
npm install --ignore-scripts --no-audit --no-fund --no-bin-links --legacy-peer-deps --loglevel=error \
  @mui/icons-material@5 @mui/material@5 react@18 react-dom@18 antd@5 @ant-design/icons@5 react-icons@5 \
  date-fns@3 lodash@4 lodash-es@4 core-js@3 rxjs@7 three@0.160 monaco-editor@0.50 \
  googleapis@140 aws-sdk@2 firebase@10 @tensorflow/tfjs@4 \
  typescript@5.6 webpack@5 webpack-cli@5 babel-loader@9 @babel/preset-env@7 eslint@8 jest@29 \
  @angular/cli@17 @angular/core@17 @angular/material@17 \
  ts-morph@23 prettier@3 mathjs@13 plotly.js@2 echarts@5 @fluentui/react@8 @fluentui/react-icons@2 \
  @elastic/eui@95 primereact@10 rc-util@5 puppeteer-core@22
find node_modules -type f | wc -l
du -sh --apparent-size node_modules
