/** `npm start` as a program, without the parts that need Docker. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, test } from "vitest";
import { buildControlPlane, cli, ROOT, until, Workbench } from "./plane.ts";

const bench = new Workbench();
const started: Started[] = [];
beforeAll(buildControlPlane, 180_000);
afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill("SIGTERM");
    await ended;
  }
  await bench.cleanUp();
});

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly said: () => string;
}

function npmStart(...args: readonly string[]): Started {
  const child = spawn(process.execPath, [join(ROOT, "script/start.ts"), "--no-open", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const start = { child, ended, said: () => said };
  started.push(start);
  return start;
}

function ready(start: Started): Promise<string> {
  return until(`npm start is ready; it said: ${start.said()}`, () =>
    Promise.resolve(/Cronium is ready after .*: {2}(http\S+)/.exec(start.said())?.[1] ?? null),
  );
}

interface Local {
  readonly url: string;
  readonly apiKey: string;
}

async function eventNames(data: string): Promise<string[]> {
  const local = JSON.parse(readFileSync(join(data, "local.json"), "utf8")) as Local;
  const response = await fetch(`${local.url}/api/v1/events`, { headers: { authorization: `Bearer ${local.apiKey}` } });
  const page = (await response.json()) as { readonly items: readonly { readonly name: string }[] };
  return page.items.map((item) => item.name);
}

/** D1 lists what the outbox has brought there. */
function listed(data: string, count: number): Promise<string[]> {
  return until(`${count} events are listed`, async () => {
    const names = await eventNames(data);
    return names.length === count ? names : null;
  });
}

const examples = (): string[] =>
  readdirSync(join(ROOT, "examples")).filter((name) => existsSync(join(ROOT, "examples", name, "event.json")));

test("a first start seeds the examples and prints the address and the claim link; Ctrl-C ends it all", async ({
  expect,
}) => {
  const data = join(bench.folder(), "new", "data");
  const start = npmStart("--no-runner", "--data", data, "--port", "0");
  const url = await ready(start);

  expect(start.said()).toContain(`${url}/claim#token=crnc_`);
  const names = await listed(data, examples().length);
  const added = /Added example events: (.*)\n/.exec(start.said())?.[1];
  expect(added?.split(", ").toSorted()).toEqual(names.toSorted());
  expect((statSync(join(data, "local.json")).mode & 0o777).toString(8)).toBe("600");

  start.child.kill("SIGINT");
  expect(await start.ended).toBe(0);
  expect(start.said()).toMatch(/Stopped\.\n$/);
  expect(cli("status", "--data", data)).toMatchObject({ code: 3 });
  await expect(fetch(url)).rejects.toThrow();
});

test("a second start builds nothing and seeds nothing again", async ({ expect }) => {
  const data = bench.folder();
  const first = npmStart("--no-runner", "--data", data, "--port", "0");
  await ready(first);
  await listed(data, examples().length);
  first.child.kill("SIGINT");
  await first.ended;

  const second = npmStart("--no-runner", "--data", data, "--port", "0");
  await ready(second);
  expect(second.said()).not.toMatch(/Built|Added|Installing/);
  expect(await eventNames(data)).toHaveLength(examples().length);
});

test("a second instance on the folder ends with one clear line", async ({ expect }) => {
  const data = bench.folder();
  const url = await ready(npmStart("--no-runner", "--data", data, "--port", "0"));
  const second = npmStart("--no-runner", "--data", data, "--port", "0");
  expect(await second.ended).toBe(1);
  expect(second.said()).toMatch(
    new RegExp(`^The data folder ${data} is in use by process \\d+ at ${url}\\.[^\\n]*\\n$`),
  );
});

test("when the control plane is stopped from elsewhere, npm start says so and ends", async ({ expect }) => {
  const data = bench.folder();
  const start = npmStart("--no-runner", "--data", data, "--port", "0");
  await ready(start);
  expect(cli("stop", "--data", data)).toMatchObject({ code: 0 });
  expect(await start.ended).toBe(1);
  expect(start.said()).toContain("The control plane ended; stopping.");
});

test("killed without a chance to clean up, it takes the control plane along", async ({ expect }) => {
  const data = bench.folder();
  const start = npmStart("--no-runner", "--data", data, "--port", "0");
  const url = await ready(start);
  start.child.kill("SIGKILL");
  await until("the control plane is gone", () =>
    fetch(url).then(
      () => null,
      () => true,
    ),
  );
  expect(await start.ended).toBeNull();
});

test("options that make no sense are named", async ({ expect }) => {
  const wrongPort = npmStart("--port", "99999");
  expect(await wrongPort.ended).toBe(1);
  expect(wrongPort.said()).toBe('--port takes a number from 0 to 65535, not "99999".\n');
  const unknown = npmStart("--prot", "1");
  expect(await unknown.ended).toBe(1);
  expect(unknown.said()).toContain("--prot");
  const help = npmStart("--help");
  expect(await help.ended).toBe(0);
  expect(help.said()).toContain("--no-runner");
});
