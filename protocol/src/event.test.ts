import { describe, test } from "vitest";
import { isReservedEnvName } from "./env-name.ts";
import { Env, Mount, Name, Script } from "./event.ts";
import { Labels } from "./labels.ts";
import { MAX_SCRIPT_BYTES } from "./limits.ts";

describe("environment names", () => {
  test("that change what is run, or impersonate a run, belong to the system", ({ expect }) => {
    for (const name of [
      "LD_PRELOAD",
      "LD_LIBRARY_PATH",
      "DOCKER_HOST",
      "CRONIUM_TOKEN",
      "PATH",
      "NODE_OPTIONS",
      "BASH_ENV",
      "IFS",
    ]) {
      expect(isReservedEnvName(name), name).toBe(true);
    }
    for (const name of ["TZ", "MY_PATH", "PATH_TO_FILE", "ENVIRONMENT", "OLD_LD_PRELOAD"]) {
      expect(isReservedEnvName(name), name).toBe(false);
    }
  });

  test("say what is wrong with each of them at once", ({ expect }) => {
    const result = Env.safeParse({ path: "x", PATH: "x", "1A": "x", NUL: "a\0b", OK: "x" });
    expect(result.error?.issues.map((issue) => issue.path.join("."))).toEqual(["path", "PATH", "1A", "NUL"]);
  });

  test("are at most 100", ({ expect }) => {
    const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`A${index}`, ""]));
    expect(Env.safeParse(names(100)).success).toBe(true);
    expect(Env.safeParse(names(101)).success).toBe(false);
  });
});

describe("scripts", () => {
  test("are measured in bytes, not in characters", ({ expect }) => {
    expect(Script.safeParse("é".repeat(MAX_SCRIPT_BYTES / 2)).success).toBe(true);
    expect(Script.safeParse(`${"é".repeat(MAX_SCRIPT_BYTES / 2)}a`).success).toBe(false);
  });
});

describe("names", () => {
  test("may use any script, and no character that hides or turns text", ({ expect }) => {
    for (const name of ["a", "Täglich 你好 🚀", "x".repeat(200)]) {
      expect(Name.safeParse(name).success, name).toBe(true);
    }
    for (const name of ["", " a", "a ", "a\u0000", "a\u2028b", "a\u202Eb", "a\u2066b", "x".repeat(201)]) {
      expect(Name.safeParse(name).success, JSON.stringify(name)).toBe(false);
    }
  });
});

describe("labels", () => {
  test("have lower-case keys and at most 32 entries", ({ expect }) => {
    expect(Labels.safeParse({ "zone.example/rack-4": "" }).success).toBe(true);
    for (const key of ["", "A", "-a", "a-", "a b", "x".repeat(64)]) {
      expect(Labels.safeParse({ [key]: "" }).success, key).toBe(false);
    }
  });
});

describe("mounts", () => {
  const accepts = (target: string) => Mount.safeParse({ name: "data", target }).success;

  test("lie beside the folders of the system, never over them", ({ expect }) => {
    expect(["/data", "/data/in", "/mnt/backups.d", "/srv"].filter((target) => !accepts(target))).toEqual([]);
    const refused = [
      "/",
      "/etc",
      "/etc/cron.d",
      "/proc/1",
      "/run/cronium",
      "/usr/lib",
      "/data/../etc",
      "data",
      "/a b",
      "/tmp",
    ];
    expect(refused.filter((target) => accepts(target))).toEqual([]);
  });
});
