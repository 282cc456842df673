import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { makeToken } from "@cronium/protocol";
import { ExitError } from "./base/exit-error.ts";
import { type Config, type Environment, Flags, readConfig } from "./config.ts";

const token = makeToken("registration", new Uint8Array(32).fill(7), "https://plane.example");

function read(flags: Record<string, unknown> = {}, env: Environment = {}): Config {
  return readConfig(Flags.parse(flags), env);
}

function refusal(flags: Record<string, unknown>, env: Environment = {}): ExitError {
  try {
    read(flags, env);
  } catch (error) {
    if (error instanceof ExitError) {
      return error;
    }
    throw error;
  }
  throw new Error("it was accepted");
}

describe("configuration", () => {
  test("takes the address from the token", ({ expect }) => {
    expect(read({ token }).url).toBe("https://plane.example/");
    expect(read({ token, url: "http://10.0.0.1:8787" }).url).toBe("http://10.0.0.1:8787/");
    expect(read({ token }, { CRONIUM_URL: "http://other" }).url).toBe("https://plane.example/");
    expect(read({}, { CRONIUM_URL: "http://other" }).url).toBe("http://other/");
    expect(read().url).toBeNull();
  });

  test("takes the token from flag, file or environment, in this order", ({ expect }) => {
    const folder = mkdtempSync(join(tmpdir(), "cronium-config-"));
    const file = join(folder, "token");
    writeFileSync(file, `${token}\n`);
    const other = makeToken("registration", new Uint8Array(32).fill(8), "https://other.example");

    expect(read({ tokenFile: file }, { CRONIUM_TOKEN: other }).token).toBe(token);
    expect(read({}, { CRONIUM_TOKEN_FILE: file }).token).toBe(token);
    expect(read({}, { CRONIUM_TOKEN: other }).token).toBe(other);
    expect(read({ token }, { CRONIUM_TOKEN_FILE: "/gone", CRONIUM_TOKEN: other }).token).toBe(token);
    rmSync(folder, { recursive: true });
  });

  test("reaches jobs over a socket, or as flag or environment say, in this order", ({ expect }) => {
    const variable = { CRONIUM_API_TRANSPORT: "stdio" };
    expect(read().apiTransport).toBe("unix");
    expect(read({}, variable).apiTransport).toBe("stdio");
    expect(read({ apiTransport: "unix" }, variable).apiTransport).toBe("unix");
    expect(refusal({}, { CRONIUM_API_TRANSPORT: "tcp" }).message).toBe('--api-transport is "tcp".');
  });

  test("keeps as many containers waiting as jobs, or as a quarter of their memory holds, or as it is told", ({
    expect,
  }) => {
    const warm = (flags: Parameters<typeof read>[0]): number => read({ capacity: "30", ...flags }, {}).warm;
    expect(warm({ memory: "8g" })).toBe(30);
    expect(warm({ memory: "unlimited" })).toBe(30);
    expect(warm({ memory: "800" })).toBe(10);
    expect(warm({ memory: "64" })).toBe(1);
    expect(warm({ memory: "64", warm: "7" })).toBe(7);
    expect(warm({ capacity: "1", once: true })).toBe(0);
  });

  test("has sensible defaults", ({ expect }) => {
    const config = read({}, { XDG_STATE_HOME: "/state", XDG_CONFIG_HOME: "/config" });

    expect(config).toMatchObject({
      dataDir: "/state/cronium/runner",
      policyFiles: ["/etc/cronium/policy.yaml", "/config/cronium/policy.yaml"],
      policyRequired: false,
      drainTimeoutMs: null,
      docker: { socketPath: "/var/run/docker.sock" },
      executor: "docker",
    });
    expect(config.capacity).toBeGreaterThanOrEqual(2);
    expect(config.name).toMatch(/^[A-Za-z0-9]/);
  });

  test.for([
    ["a file that is not there", { tokenFile: "/gone" }, {}, "/gone"],
    ["a variable with half of one", {}, { CRONIUM_TOKEN: token.slice(0, 40) }, "not whole"],
  ] as const)("keeps the fault of %s for a machine that needs its token", ([, flags, env, text], { expect }) => {
    const config = read(flags, env);

    expect([config.token, config.tokenFault?.code]).toEqual([null, 2]);
    expect(config.tokenFault?.message).toContain(text);
  });

  test("reads labels and the address of Docker", ({ expect }) => {
    const config = read({ label: ["zone=eu", "disk=a=b"] }, { DOCKER_HOST: "tcp://127.0.0.1:2375" });

    expect(config.labels).toEqual({ zone: "eu", disk: "a=b" });
    expect(config.docker).toEqual({ protocol: "http", host: "127.0.0.1", port: 2375 });
    expect(read({}, { DOCKER_HOST: "unix:///x.sock" }).docker).toEqual({ socketPath: "/x.sock" });
  });

  test.for([
    ["a token with a letter missing", { token: token.slice(0, -1) }, {}, 2, "not whole"],
    ["an API key in place of a token", { token: makeToken("apiKey", new Uint8Array(32)) }, {}, 2, "not whole"],
    ["an address without a protocol", { url: "plane.example" }, {}, 2, "plane.example"],
    ["an address of another protocol", { url: "file:///etc" }, {}, 2, "file:///etc"],
    ["an address with a password", { url: "https://a:b@plane.example" }, {}, 2, "not the address"],
    ["a name with a space", { name: "my runner" }, {}, 2, "--name"],
    ["a label without a value", { label: ["zone"] }, {}, 2, "zone"],
    ["a label with a bad key", { label: ["Zone!=x"] }, {}, 2, "--label"],
    ["no capacity", { capacity: "0" }, {}, 2, "--capacity"],
    ["a capacity in words", { capacity: "many" }, {}, 2, "--capacity"],
    ["a negative drain timeout", { drainTimeout: "-1" }, {}, 2, "--drain-timeout"],
    ["a Docker address over SSH", {}, { DOCKER_HOST: "ssh://host" }, 78, "DOCKER_HOST"],
  ] as const)("refuses %s with its cause and a next step", ([, flags, env, code, text], { expect }) => {
    const error = refusal(flags, env);

    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
    expect(error.message).not.toContain("\n");
    expect(error.next).not.toBe("");
  });
});
