import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo, ListenOptions } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { type Outcome, runCommandLine } from "./command-line.ts";

let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-doctor-"));
});
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
  rmSync(folder, { recursive: true, force: true });
});

async function listen(server: Server, where: ListenOptions): Promise<Server> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(where, resolve));
  return server;
}

function json(body: unknown): RequestListener {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
}

interface FakeEngine {
  readonly version?: object;
  readonly info?: object;
}

const SOUND = { MemoryLimit: true, SwapLimit: true, CpuCfsQuota: true, PidsLimit: true };

/** An engine that speaks just enough; the address for DOCKER_HOST. */
async function engine({ version = {}, info = {} }: FakeEngine, tcp = false): Promise<string> {
  const answers: RequestListener = (request, response) => {
    const path = (request.url ?? "").replace(/^\/v[\d.]+/, "");
    if (path === "/version") {
      json({ Version: "27.1.1", ApiVersion: "1.46", Os: "linux", ...version })(request, response);
    } else if (path === "/info") {
      json({ CgroupVersion: "2", SecurityOptions: ["name=seccomp"], ...SOUND, ...info })(request, response);
    } else {
      json({})(request, response);
    }
  };
  const socket = join(folder, "engine.sock");
  const server = await listen(createServer(answers), tcp ? { host: "127.0.0.1", port: 0 } : { path: socket });
  return tcp ? `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix://${socket}`;
}

function doctor(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> {
  return runCommandLine(["doctor", "--data-dir", join(folder, "data"), ...args], { env });
}

describe("B48 doctor names what an engine lacks, why it matters, and the exact fix", () => {
  test.for<[string, FakeEngine, string, RegExp]>([
    ["an old API", { version: { Version: "18.09", ApiVersion: "1.39" } }, "FIX", /API 1\.39.*needs 1\.41.*Upgrade it:/],
    ["cgroup v1", { info: { CgroupVersion: "1" } }, "note", /cgroup v1: limits hold.*unified_cgroup_hierarchy=1/],
    ["a rootless engine", { info: { SecurityOptions: ["name=rootless"] } }, "note", /rootless.*not offered/],
    [
      "Podman",
      { version: { Version: "4.3.1", Components: [{ Name: "Podman Engine" }] } },
      "note",
      /Podman Engine runs jobs in Docker's place.*while the runner is away is lost.*SIGKILL.*docker\.io/,
    ],
    [
      "limits that are not delegated",
      { info: { SecurityOptions: ["name=rootless"], CpuCfsQuota: false, PidsLimit: false } },
      "FIX",
      /cannot limit cpu, pids.*Delegate=/,
    ],
    [
      "an engine in a virtual machine",
      { info: { OperatingSystem: "Docker Desktop" } },
      "note",
      /in a virtual machine.*--api-transport stdio/,
    ],
    ["Windows containers", { version: { Os: "windows" } }, "FIX", /windows containers.*Linux containers/],
  ])("%s", async ([, fake, word, text], { expect }) => {
    const { stdout } = await doctor({ DOCKER_HOST: await engine(fake) });
    const line = stdout.split("\n").find((candidate) => text.test(candidate));

    expect(line?.startsWith(word), stdout).toBe(true);
  });

  test("T24 a port without TLS", async ({ expect }) => {
    const { code, stdout } = await doctor({ DOCKER_HOST: await engine({}, true) });

    expect(code).toBe(8);
    expect(stdout).toMatch(
      /^FIX {2}Docker listens on 127\.0\.0\.1:\d+ without TLS: whoever reaches that port is root/m,
    );
  });

  test("an engine elsewhere, for as long as jobs would need its folders", async ({ expect }) => {
    const DOCKER_HOST = await engine({}, true);
    const told = /The engine is behind 127\.0\.0\.1/;
    expect((await doctor({ DOCKER_HOST })).stdout).toMatch(told);
    expect((await doctor({ DOCKER_HOST, CRONIUM_API_TRANSPORT: "stdio" })).stdout).not.toMatch(told);
  });

  test("T24 says plainly that the socket is root, and not where users are remapped", async ({ expect }) => {
    const plain = await doctor({ DOCKER_HOST: await engine({}) });
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
    const remapped = await doctor({ DOCKER_HOST: await engine({ info: { SecurityOptions: ["name=userns"] } }) });

    expect(plain.stdout).toMatch(/^note Whoever may use this engine's socket is root/m);
    expect(remapped.stdout).not.toContain("is root");
  });

  test("no engine at all, and one that nobody listens for", async ({ expect }) => {
    const none = await doctor({ DOCKER_HOST: `unix://${folder}/none.sock` });
    const refused = await doctor({ DOCKER_HOST: "tcp://127.0.0.1:1" });

    expect(none.stdout).toMatch(
      /^FIX {2}Docker does not answer: there is no .*none\.sock\. Start Docker .*install it/m,
    );
    expect(refused.stdout).toMatch(/^FIX {2}Docker does not answer: nobody listens at .*journalctl -u docker/m);
    expect([none.code, refused.code]).toEqual([8, 8]);
  });
});

describe("B48 doctor names what stands between the runner and its control plane", () => {
  /** A server whose certificate an authority of its own has signed. */
  async function intercepted(): Promise<string> {
    const file = (name: string): string => join(folder, name);
    const openssl = (...args: string[]): void => {
      execFileSync("openssl", args, { stdio: "ignore" });
    };
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl("req", "-x509", ...key, "-keyout", file("ca.key"), "-out", file("ca.pem"), "-subj", "/CN=Corp Proxy CA");
    openssl("req", ...key, "-keyout", file("host.key"), "-out", file("host.csr"), "-subj", "/CN=localhost");
    const signed = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2"];
    openssl("x509", "-req", "-in", file("host.csr"), ...signed, "-out", file("host.pem"));
    const options = { key: readFileSync(file("host.key")), cert: readFileSync(file("host.pem")) };
    const server = createSecure(options, json({ status: "ok" })) as unknown as Server;
    await listen(server, { host: "127.0.0.1", port: 0 });
    return `https://localhost:${(server.address() as AddressInfo).port}`;
  }

  test("a proxy that opens TLS, by the name of its authority", async ({ expect }) => {
    const { code, stdout } = await doctor({}, "--url", await intercepted());

    expect(code).toBe(8);
    expect(stdout).toMatch(/^FIX {2}The certificate of localhost is signed by "Corp Proxy CA".*NODE_EXTRA_CA_CERTS=/m);
  });

  test("something else that answers, an unknown name, a closed port", async ({ expect }) => {
    const server = await listen(createServer(json("<html>")), { host: "127.0.0.1", port: 0 });
    const other = await doctor({}, "--url", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const unknown = await doctor({}, "--url", "http://nobody.invalid");
    const closed = await doctor({}, "--url", "http://127.0.0.1:1");

    expect(other.stdout).toMatch(/^FIX {2}Something answers at .*, but no Cronium control plane/m);
    expect(unknown.stdout).toMatch(/^FIX {2}The name nobody\.invalid is not known here/m);
    expect(closed.stdout).toMatch(/^FIX {2}Control plane http:\/\/127\.0\.0\.1:1\/ /m);
  });

  test("a proxy in the environment that Node does not use", async ({ expect }) => {
    const server = await listen(createServer(json({ status: "ok" })), { host: "127.0.0.1", port: 0 });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { stdout } = await doctor({ HTTP_PROXY: "http://127.0.0.1:9" }, "--url", url);

    expect(stdout).toMatch(/^ok {3}Control plane .* answers$/m);
    expect(stdout).toMatch(/^note HTTP_PROXY is set.*NODE_USE_ENV_PROXY=1/m);
  });
});

describe("doctor for programs", () => {
  test("gives every finding as JSON", async ({ expect }) => {
    const { code, stdout } = await doctor({ DOCKER_HOST: `unix://${folder}/none.sock` }, "--json");
    const report = JSON.parse(stdout) as { ok: boolean; findings: { level: string; what: string; fix: string }[] };

    expect(code).toBe(8);
    expect(report.ok).toBe(false);
    expect(report.findings.every(({ level, what }) => ["ok", "note", "fix"].includes(level) && what !== "")).toBe(true);
    expect(report.findings.filter(({ level }) => level !== "ok").every(({ fix }) => fix !== "")).toBe(true);
  });
});
