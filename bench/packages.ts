/** A tree of real packages, as a project has it in `node_modules`: some 150,000 files and 1.3 GB, fetched once. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Chosen for many small files, some large ones, and depth. */
const PACKAGES: Readonly<Record<string, string>> = {
  "@fluentui/react": "^8",
  "@mui/icons-material": "^5",
  "@mui/material": "^5",
  antd: "^5",
  "aws-sdk": "^2",
  "core-js": "^3",
  "date-fns": "^3",
  echarts: "^5",
  eslint: "^8",
  firebase: "^10",
  googleapis: "^144",
  "highlight.js": "^11",
  jest: "^29",
  lodash: "^4",
  "lucide-react": "^0",
  mathjs: "^13",
  "monaco-editor": "^0",
  next: "^14",
  prettier: "^3",
  react: "^18",
  "react-dom": "^18",
  "react-native": "^0",
  "react-scripts": "^5",
  rxjs: "^7",
  three: "^0",
  typescript: "^5",
  vite: "^5",
  webpack: "^5",
};

/** The directory that `npm install` filled, in `cache`. */
export function packagesTree(cache: string, note: (text: string) => void): string {
  const project = join(cache, "packages");
  const tree = join(project, "node_modules");
  // npm writes it last.
  if (existsSync(join(tree, ".package-lock.json"))) return tree;
  mkdirSync(project, { recursive: true });
  const manifest = { name: "bench-tree", version: "1.0.0", private: true, dependencies: PACKAGES };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  note(`packages are fetched into ${project}; once, for some minutes`);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", "--loglevel=error"];
  const { status, stderr } = spawnSync("npm", ["install", ...flags], { cwd: project, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm install: ${stderr}`);
  return tree;
}
