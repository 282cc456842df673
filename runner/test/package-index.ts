/** A small index of packages on a free port of this machine: Python's simple index and npm's registry, enough for pip and npm. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Writes a zip of the folder's files without their folder entries, as a wheel is one. */
const ZIP = `
import sys, zipfile
from pathlib import Path
folder, target, outside = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
with zipfile.ZipFile(target, "w") as wheel:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            wheel.write(file, file.relative_to(folder))
    for name in outside:
        wheel.writestr(name, "beside")
`;

export class PackageIndex {
  readonly requests: string[] = [];
  private readonly files = new Map<string, Buffer>();
  private readonly python = new Map<string, string[]>();
  private readonly node = new Map<string, Map<string, object>>();
  private readonly folder = mkdtempSync(join(tmpdir(), "cronium-index-"));
  private server: Server | null = null;
  private port = 0;

  /** On the same port each time. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const path = decodeURIComponent((request.url ?? "/").split("?")[0] ?? "/");
      this.requests.push(path);
      const found = this.answer(path);
      response.writeHead(found === null ? 404 : 200, { "content-type": found?.type ?? "text/plain" });
      response.end(found?.body ?? "nothing here");
    });
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    await new Promise<void>((resolve) => {
      server?.close(() => resolve());
      server?.closeAllConnections();
      if (server === null) {
        resolve();
      }
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A pure wheel with one module of its name; `outside` are paths that lead out of it. */
  addWheel(
    name: string,
    version: string,
    code: string,
    requires: readonly string[] = [],
    outside: readonly string[] = [],
  ): void {
    const info = `${name}-${version}.dist-info`;
    const needs = requires.map((need) => `Requires-Dist: ${need}\n`).join("");
    const file = `${name}-${version}-py3-none-any.whl`;
    const folder = this.write({
      [`${name}.py`]: code,
      [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${needs}`,
      [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
      [`${info}/RECORD`]: `${name}.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`,
    });
    const target = join(this.folder, file);
    execFileSync("python3", ["-c", ZIP, folder, target, ...outside]);
    this.addPython(name, file, execFileSync("cat", [target]));
  }

  /** A source distribution, which would run its own code to be built. */
  addSource(name: string, version: string): void {
    const folder = this.write({ [`${name}-${version}/setup.py`]: "raise SystemExit('ran')\n" });
    const content = execFileSync("tar", ["-C", folder, "-cz", `${name}-${version}`]);
    this.addPython(name, `${name}-${version}.tar.gz`, content);
  }

  addNode(
    name: string,
    version: string,
    files: Readonly<Record<string, string>>,
    manifest: Readonly<Record<string, unknown>> = {},
  ): void {
    const own = { name, version, ...manifest };
    const inside = Object.entries({ ...files, "package.json": JSON.stringify(own) });
    const folder = this.write(Object.fromEntries(inside.map(([path, text]) => [`package/${path}`, text])));
    const content = execFileSync("tar", ["-C", folder, "-cz", "package"]);
    const path = `/${name}/-/${name}-${version}.tgz`;
    this.files.set(path, content);
    const integrity = `sha512-${createHash("sha512").update(content).digest("base64")}`;
    const versions = this.node.get(name) ?? new Map<string, object>();
    versions.set(version, { ...own, dist: { path, integrity } });
    this.node.set(name, versions);
  }

  private write(files: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(join(this.folder, "package-"));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return folder;
  }

  private addPython(name: string, file: string, content: Buffer): void {
    this.files.set(`/files/${file}`, content);
    this.python.set(name, [...(this.python.get(name) ?? []), file]);
  }

  private answer(path: string): { readonly type: string; readonly body: string | Buffer } | null {
    const file = this.files.get(path);
    if (file !== undefined) {
      return { type: "application/octet-stream", body: file };
    }
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
    if (project !== undefined) {
      const links = this.python.get(project)?.map((name) => `<a href="/files/${name}">${name}</a>`);
      return links === undefined ? null : { type: "text/html", body: `<!DOCTYPE html><body>${links.join("")}</body>` };
    }
    const versions = this.node.get(path.slice(1));
    if (versions === undefined) {
      return null;
    }
    const told = [...versions].map(([version, about]) => {
      const { dist, ...rest } = about as { dist: { path: string; integrity: string } };
      return [version, { ...rest, dist: { tarball: this.url + dist.path, integrity: dist.integrity } }] as const;
    });
    const latest = told.at(-1)?.[0];
    const body = { name: path.slice(1), "dist-tags": { latest }, versions: Object.fromEntries(told) };
    return { type: "application/json", body: JSON.stringify(body) };
  }
}
