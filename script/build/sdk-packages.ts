/** The SDKs as packages that pip and npm install from a control plane, and the one file of Bash. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../command.ts";
import { packTarball } from "./tarball.ts";

const BUILD = `import sys, build_backend as backend
backend.build_wheel(sys.argv[1])
backend.build_sdist(sys.argv[1])
`;

/**
 * Writes `cronium-sdk.tgz`, `cronium.sh`, and the wheel and the source distribution of Python under the names that pip
 * demands. Where there is no Python the last two are left out: an installation without them says so.
 */
export async function packSdks(root: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "cronium-sdk.tgz"), packNodeSdk(join(root, "runtime-sdk/node"), root));
  copyFileSync(join(root, "runtime-sdk/bash/cronium.sh"), join(folder, "cronium.sh"));
  const built = await runCommand("python3", ["-B", "-c", BUILD, folder], { cwd: join(root, "runtime-sdk/python") });
  if (built.code !== 0 && built.code !== 127) {
    throw new Error(`The Python SDK could not be packed:\n${built.output}`);
  }
}

function packNodeSdk(from: string, root: string): Buffer {
  const { private: _, ...manifest } = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as {
    private?: boolean;
  };
  const dist = readdirSync(join(from, "dist")).map((name) => ({
    path: `package/dist/${name}`,
    content: readFileSync(join(from, "dist", name)),
  }));
  return packTarball([
    ...dist,
    { path: "package/package.json", content: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) },
    { path: "package/README.md", content: readFileSync(join(from, "README.md")) },
    { path: "package/LICENSE", content: readFileSync(join(root, "LICENSE")) },
  ]);
}
