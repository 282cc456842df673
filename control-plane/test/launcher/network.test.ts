import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { specialBlocks } from "@cronium/protocol/special-addresses";
import { afterEach, test } from "vitest";
import { outboundNetwork } from "../../launcher/network.ts";
import { workerdConfig } from "../../launcher/workerd-config.ts";
import { readWranglerFile } from "../../launcher/wrangler-file.ts";
import { ROOT, until } from "./plane.ts";

const leftovers: (() => void)[] = [];
afterEach(() => {
  for (const end of leftovers.splice(0)) {
    end();
  }
});

/** Fetches what it is asked to, as a Worker whose own checks have failed would. */
const CARELESS = `export default {
  async fetch(request) {
    try {
      const signal = AbortSignal.timeout(3000);
      const response = await fetch(new URL(request.url).searchParams.get("url"), { redirect: "manual", signal });
      return new Response("reached " + (await response.text()).slice(0, 40));
    } catch (error) {
      return new Response("failed " + error.message);
    }
  },
};`;

/** The network of the configuration that installations run with. */
function internetOf(vars: Readonly<Record<string, string>>): string {
  const places = {
    configFolder: "/",
    workerBundle: "/w",
    d1Bundle: "/d",
    siteBundle: "/s",
    siteFolder: "/s",
    objectsFolder: "/o",
    d1Folder: "/d",
    blobsFolder: "/b",
  };
  const file = readWranglerFile(join(ROOT, "wrangler.toml"));
  const config = workerdConfig(file, { places, address: "127.0.0.1:0", vars, secrets: [] });
  const line = config.split("\n").find((one) => one.includes('name = "internet"'));
  if (line === undefined) {
    throw new Error("The configuration has no network.");
  }
  return line;
}

interface Careless {
  /** What the Worker got from a URL: "refused" where workerd let it not out. */
  fetch(url: string): Promise<string>;
}

async function startCareless(vars: Readonly<Record<string, string>> = {}): Promise<Careless> {
  const folder = mkdtempSync(join(tmpdir(), "cronium-network-"));
  leftovers.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "worker.js"), CARELESS);
  const config = join(folder, "config.capnp");
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), ${internetOf(vars)}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")], compatibilityDate = "2026-10-01",
);
`,
  );
  const log = join(folder, "log");
  const binary = (createRequire(import.meta.url)("workerd") as { default: string }).default;
  const child: ChildProcess = spawn(binary, ["serve", "--control-fd=3", config, "config"], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  leftovers.push(() => child.kill("SIGKILL"));
  let [said, told] = ["", ""];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    writeFileSync(log, said);
  });
  (child.stdio[3] as NodeJS.ReadableStream).setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const port = await until("workerd listens", () => Promise.resolve(/"port":\s*(\d+)/.exec(told)?.[1] ?? null));
  return {
    async fetch(url) {
      const before = said.length;
      const address = new URL(url);
      const response = await fetch(`http://127.0.0.1:${port}/?${new URLSearchParams({ url }).toString()}`);
      const answer = await response.text();
      if (!answer.startsWith("failed")) {
        return answer;
      }
      // workerd tells the Worker nothing of why; its log does, a moment later.
      const why = await until("workerd says why", () =>
        Promise.resolve(/connecting to .* is not allowed/.exec(said.slice(before))?.[0] ?? null),
      ).catch(() => `failed at ${address.host}: ${answer} ${readFileSync(log, { encoding: "utf8", flag: "a+" })}`);
      return why.endsWith("is not allowed") ? "refused" : why;
    },
  };
}

async function startServer(): Promise<number> {
  const server: Server = createServer((_request, response) => response.end("the inside"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  leftovers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

test("T13 workerd lets no request out to this machine, private networks or any reserved block", async ({ expect }) => {
  const careless = await startCareless();
  const port = await startServer();
  const hosts = specialBlocks.map(({ example }) => (example.includes(":") ? `[${example}]` : example));
  for (const host of [...hosts, "127.1", "0x7f.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]"]) {
    expect(await careless.fetch(`http://${host}:${port}/`), host).toBe("refused");
  }
});

test("T13 a network that the operator names is let through, and nothing beside it", async ({ expect }) => {
  const careless = await startCareless({ OUTBOUND_NETWORKS: "127.0.0.1, 198.18.0.0/16" });
  const port = await startServer();
  expect(await careless.fetch(`http://127.0.0.1:${port}/`)).toBe("reached the inside");
  expect(await careless.fetch(`http://127.0.0.2:${port}/`)).toBe("refused");
  expect(await careless.fetch(`http://10.0.0.1:${port}/`)).toBe("refused");
});

test("networks that are none are refused at the start, and an allowed one takes no other reserve along", ({
  expect,
}) => {
  for (const wrong of ["localhost", "10.0.0.0/33", "10.0.0.0/", "1.2.3", "::1/8/8"]) {
    expect(() => outboundNetwork(wrong), wrong).toThrow(/OUTBOUND_NETWORKS: ".*" is no address/);
  }
  const { allow, deny } = outboundNetwork("10.0.0.0/8, fd00::/8, 198.18.5.0/24");
  expect(allow).toEqual(["public", "10.0.0.0/8", "fd00::/8", "198.18.5.0/24"]);
  expect(deny).not.toContain("198.18.0.0/15");
  expect(deny).toEqual(expect.arrayContaining(["198.51.100.0/24", "172.16.0.0/12", "::/8"]));
  expect(outboundNetwork("").allow).toEqual(["public"]);
});
