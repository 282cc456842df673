import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { type DockerFixture, nothingLeft, startDockerFixture, stopDockerFixture } from "./docker-fixture.ts";
import type { FakePlane } from "./fake-plane.ts";
import { until } from "./until.ts";

let fixture: DockerFixture;
let plane: FakePlane;
let server: Server;
let folder: string;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cronium-egress-"));
  server = createServer((request, response) => response.end(`hello from ${request.headers.host ?? ""}`));
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  port = (server.address() as AddressInfo).port;
  const policy = join(folder, "policy.yaml");
  // What stands for a host of the internet is on this machine.
  writeFileSync(policy, "privateRanges: [127.0.0.1/32]\n");
  fixture = await startDockerFixture(["--policy", policy]);
  plane = fixture.plane;
});
afterAll(async () => {
  await stopDockerFixture(fixture);
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => nothingLeft(fixture));

const scripts = {
  bash: (url: string, other: string) =>
    `curl -s ${url}; echo; curl -s -o /dev/null -w '%{http_code}\\n' ${other}; curl -s --proxytunnel ${url}; echo; curl -s --noproxy '*' -m 2 ${url} || echo direct failed`,
  python: (url: string, other: string) => `
import urllib.request, urllib.error, subprocess, sys
print(urllib.request.urlopen("${url}").read().decode())
try:
    urllib.request.urlopen("${other}")
except urllib.error.HTTPError as error:
    print(error.code)
print(subprocess.run([sys.executable, "-c", "import urllib.request; print(urllib.request.urlopen('${url}').read().decode())"], capture_output=True, text=True).stdout.strip())
try:
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open("${url}", timeout=2)
except OSError:
    print("direct failed")
`,
  node: (url: string, other: string) => `
import { execFileSync } from "node:child_process";
import http from "node:http";
console.log(await (await fetch("${url}")).text());
await fetch("${other}").catch((error) => console.log(/[(](403)[)]/.exec(String(error.cause?.cause ?? error.cause))?.[1] ?? error));
console.log(execFileSync(process.execPath, ["-e", "fetch('${url}').then((r) => r.text()).then(console.log)"]).toString().trim());
http.get("${url}", { agent: new http.Agent() }, () => console.log("direct worked")).on("error", () => console.log("direct failed"));
`,
};

describe("the network mode allowlist", () => {
  test.for(["bash", "python", "node"] as const)(
    "lets %s reach its hosts and nothing else",
    async (runtime, { expect }) => {
      const url = `http://localhost:${port}/`;
      const job = plane.job(scripts[runtime](url, `http://127.0.0.1.example.org:${port}/`), {
        runtime,
        env: { NO_PROXY: "none" },
        container: { network: { mode: "allowlist", hosts: [`host.test:${port}`, `localhost:${port}`] } },
      });
      plane.offer(job);
      expect(await plane.finished(job), plane.logText(job)).toMatchObject({ outcome: "succeeded" });
      expect(plane.logText(job, "stderr")).toBe("");
      expect(plane.logText(job, "stdout").trim().split("\n")).toEqual([
        `hello from localhost:${port}`,
        "403",
        `hello from localhost:${port}`,
        "direct failed",
      ]);
      const notes = plane.logText(job, "system");
      expect(notes).toMatch(new RegExp(`egress: localhost:${port}, [0-9]+ bytes sent, [0-9]+ received`));
      expect(notes).toContain(`egress refused: 127.0.0.1.example.org:${port} is not among the hosts`);
    },
  );

  test("T3 refuses the metadata address and this machine's own, also when the event names them", async ({ expect }) => {
    const own = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ internal, family }) => !internal && family === "IPv4")?.address;
    const hosts = ["169.254.169.254", "172.17.0.1", ...(own === undefined ? [] : [own])];
    const job = plane.job(
      hosts.map((host) => `curl -s -o /dev/null -w '%{http_code}\\n' http://${host}:${port}/`).join("\n"),
      { container: { network: { mode: "allowlist", hosts: hosts.map((host) => `${host}:${port}`) } } },
    );
    plane.offer(job);
    await plane.finished(job);
    expect(plane.logText(job, "stdout").trim().split("\n")).toEqual(hosts.map(() => "403"));
    expect(plane.logText(job, "system")).toContain("leads to 169.254.169.254, which is not of the public internet");
  });

  test("F32 is there again after the sidecar was killed", async ({ expect }) => {
    const url = `http://localhost:${port}/`;
    const job = plane.job(
      `curl -s ${url}; echo; until [ -e /tmp/go ]; do sleep 0.2; curl -sf ${url} >/dev/null || touch /tmp/gone; [ -e /tmp/gone ] && curl -sf ${url} && touch /tmp/go; done`,
      {
        env: { NO_PROXY: "none" },
        container: { network: { mode: "allowlist", hosts: [`localhost:${port}`] } },
      },
    );
    plane.offer(job);
    await until("it reached its host", () => plane.logText(job, "stdout").includes("hello"));
    const ready = fixture.runner.events("sidecar.ready").at(-1) as { pid?: number } | undefined;
    process.kill(ready?.pid ?? 0, "SIGKILL");
    expect(await plane.finished(job)).toMatchObject({ outcome: "succeeded" });
  });
});
