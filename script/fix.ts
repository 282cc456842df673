import { spawnSync } from "node:child_process";
console.log(spawnSync("node", ["--version"]).stdout.toString());
