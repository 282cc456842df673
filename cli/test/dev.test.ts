/** `cronium dev`: scripts of the conformance suite on this machine alone, with the same results as in a run. */
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type Home, makeHome } from "./program.ts";

const CONFORMANCE = join(import.meta.dirname, "../../runtime-sdk/conformance");

interface Case {
  readonly name: string;
  readonly fault?: string;
  readonly input?: unknown;
  readonly env?: unknown;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly exitCode?: number;
  readonly prints?: unknown;
  readonly stdout?: string;
  readonly stored?: unknown;
}

/** Every verb, in one language; the server cannot tell languages apart. Then the other two, for how they are started. */
const PLAYED: readonly (readonly [string, string])[] = [
  ...[
    "variable-write",
    "variable-conflict",
    "variable-list",
    "variable-refused",
    "lock-held",
    "tool-action",
    "artifact-round-trip",
    "log-group",
  ].map((behaviour) => [behaviour, "script.py"] as const),
  ["artifact-round-trip", "script.ts"],
  ["variable-write", "script.sh"],
  ["variable-list", "script.sh"],
];

let home: Home;

beforeAll(() => {
  home = makeHome();
});

afterAll(() => {
  home.remove();
});

describe("a script is answered as in a run", () => {
  for (const [behaviour, file] of PLAYED) {
    const folder = join(CONFORMANCE, behaviour);
    const { cases } = JSON.parse(readFileSync(join(folder, "expect.json"), "utf8")) as { cases: Case[] };
    test.for(cases)(`${behaviour}/${file}: $name`, async (expected, { expect }) => {
      const variables = join(home.folder, `variables-${behaviour}.json`);
      writeFileSync(variables, JSON.stringify(expected.variables ?? {}));
      const input = JSON.stringify(expected.input ?? null);
      const ended = await home.run(["dev", "run", join(folder, file), "--input", input, "--variables", variables]);
      expect(ended, ended.stderr).toMatchObject({ code: expected.exitCode ?? 0 });
      if (expected.prints !== undefined) {
        expect(JSON.parse(ended.stdout.trimEnd().split("\n").at(-1) ?? "")).toEqual(expected.prints);
      }
      if (expected.stdout !== undefined) {
        expect(ended.stdout).toBe(expected.stdout);
      }
    });
  }
});

test("with --json the end of the run is one object, and what the script prints stays out of it", async ({ expect }) => {
  const secrets = join(home.folder, "secrets.json");
  const script = join(home.folder, "main.py");
  writeFileSync(secrets, '{"KEY":"s3cr3t"}');
  writeFileSync(
    script,
    `import cronium
print("printed", cronium.secret("KEY"), cronium.context()["eventName"])
cronium.set_condition(True)
cronium.progress(0.25, "half of the half")
cronium.set_run_name("mine")
cronium.set_variable("B", cronium.get_variable("A") + 1)
cronium.save_artifact(__file__, "kept/main.py")
cronium.output(cronium.input())
raise SystemExit(3)
`,
  );
  const kept = join(home.folder, "artifacts");
  const given = ["--input", '{"n":[1]}', "--variable", "A=1", "--secrets", secrets, "--event", "nightly"];
  const ended = await home.run(["dev", "run", script, "--json", "--artifacts", kept, ...given]);
  expect(ended.code).toBe(3);
  expect(JSON.parse(ended.stdout)).toMatchObject({
    exitCode: 3,
    output: { n: [1] },
    condition: true,
    name: "mine",
    variables: { A: 1, B: 2 },
    artifacts: [{ name: "kept/main.py" }],
  });
  expect(readFileSync(join(kept, "kept/main.py"), "utf8")).toBe(readFileSync(script, "utf8"));
  expect(ended.stderr).toContain("printed s3cr3t nightly");
  expect(ended.stderr).toContain("cronium progress: 25 % half of the half");
});

test("what is wrong with the call is said, with what to do", async ({ expect }) => {
  writeFileSync(join(home.folder, "main.rb"), "");
  writeFileSync(join(home.folder, "list.json"), "[1]");
  writeFileSync(join(home.folder, "ok.sh"), "exit 0");
  const calls = [
    [["main.rb"], /neither Python, Node nor Bash.*\.py/su],
    [["absent.py"], /There is no file .*absent\.py/su],
    [["ok.sh", "--input", "{"], /--input is not usable JSON/u],
    [["ok.sh", "--variables", "list.json"], /list\.json is not an object/u],
    [["ok.sh", "--port", "70000"], /--port is "70000"/u],
  ] as const;
  for (const [args, says] of calls) {
    const ended = await home.run(["dev", "run", ...args]);
    expect(ended, args.join(" ")).toMatchObject({ code: 2 });
    expect(ended.stderr).toMatch(says);
  }
});

test("serve prints what a script needs, on a port when asked, and lets nobody in without the token", async ({
  expect,
}) => {
  const serving = home.start(["dev", "serve", "--json", "--port", "0", "--input", '{"n":1}']);
  try {
    await expect.poll(() => serving.stdout(), { timeout: 90_000 }).toContain("\n");
    const env = JSON.parse(serving.stdout()) as Record<string, string>;
    const ask = (token: string): Promise<[number | undefined, string]> =>
      new Promise((resolve, reject) => {
        const url = `${env["CRONIUM_API"] ?? ""}/v1/executions/${env["CRONIUM_RUN_ID"] ?? ""}/input`;
        request(url, { headers: { authorization: `Bearer ${token}` } }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part: string) => (text += part));
          response.on("end", () => resolve([response.statusCode, text]));
        })
          .on("error", reject)
          .end();
      });
    expect(await ask(env["CRONIUM_TOKEN"] ?? "")).toEqual([200, '{"n":1}']);
    expect((await ask("wrong"))[0]).toBe(401);
  } finally {
    serving.child.kill("SIGTERM");
    await serving.ended;
  }
});
