/** What the images' bootstraps promise a script, seen from inside real containers on the real sidecar. */
import { setTimeout as pause } from "node:timers/promises";
import type { Json, Runtime } from "@cronium/protocol";
import { afterAll, beforeAll, test } from "vitest";
import { buildImages, type Container, type Ended, run, startContainer } from "./container.ts";
import { type BoundJob, type Sidecar, startSidecar } from "./sidecar.ts";

const LANGUAGES = ["python", "node", "bash"] as const satisfies readonly Runtime[];
const DEADLINE_MS = 120_000;

let sidecar: Sidecar;
let images: Record<Runtime, string>;

beforeAll(async () => {
  images = await buildImages();
  sidecar = await startSidecar();
});

afterAll(async () => {
  await sidecar.stop();
});

interface Request {
  readonly input?: Json;
  readonly env?: Readonly<Record<string, string>>;
}

async function runJob(runtime: Runtime, script: string, request: Request = {}): Promise<Ended & { job: BoundJob }> {
  const job = await sidecar.bind({ runtime, script, input: request.input ?? null, env: request.env ?? {} });
  const ended = await startContainer(images[runtime], job).ended;
  await sidecar.close(job);
  return { ...ended, job };
}

/** Asks again until the answer is the wanted one. */
async function until(wanted: string, ask: () => Promise<string>): Promise<void> {
  const giveUpAt = Date.now() + DEADLINE_MS;
  let answer = await ask();
  while (!answer.includes(wanted)) {
    if (Date.now() > giveUpAt) {
      throw new Error(`waited for ${wanted}, last answer: ${answer}`);
    }
    await pause(50);
    answer = await ask();
  }
}

const isRunning = (container: Container): Promise<void> =>
  until("true", async () => (await run("docker", ["inspect", "-f", "{{.State.Running}}", container.name])).stdout);

const hasPrinted = (container: Container, text: string): Promise<void> =>
  until(text, async () => (await run("docker", ["logs", container.name])).stdout);

const ECHO: Record<Runtime, string> = {
  python: "import cronium\ncronium.output(cronium.input())\nprint('done')\n",
  node: "import { input, output } from '@cronium/sdk';\nawait output(await input());\nconsole.log('done' as string);\n",
  bash: 'cronium_output "$(cronium_input)"\necho done\n',
};

test.concurrent.for(LANGUAGES)(
  "%s: a container that waits takes the job when it comes",
  async (runtime, { expect }) => {
    const job = await sidecar.open({ runtime, script: ECHO[runtime], input: { n: 1 } });
    const container = startContainer(images[runtime], job);
    await isRunning(container);
    sidecar.hand(job);
    expect(await container.ended).toEqual({ code: 0, stdout: "done\n", stderr: "" });
    expect(job.outputs).toEqual([{ n: 1 }]);
    await sidecar.close(job);
  },
);

test.for(LANGUAGES)(
  "%s: a sidecar that restarts while the container waits is found again",
  async (runtime, { expect }) => {
    const job = await sidecar.open({ runtime, script: ECHO[runtime], input: "again" });
    const container = startContainer(images[runtime], job);
    await isRunning(container);
    await sidecar.kill();
    await sidecar.start();
    sidecar.hand(job);
    expect(await container.ended).toEqual({ code: 0, stdout: "done\n", stderr: "" });
    expect(job.outputs).toEqual(["again"]);
    await sidecar.close(job);
  },
);

test.concurrent.for(LANGUAGES)(
  "%s: a container whose slot is closed unused ends by itself with 125",
  async (runtime, { expect }) => {
    const job = await sidecar.open({ runtime, script: "", input: null });
    const container = startContainer(images[runtime], job);
    await isRunning(container);
    await sidecar.close(job);
    expect(await container.ended).toMatchObject({ code: 125, stdout: "" });
  },
);

const EXIT_3: Record<Runtime, string> = {
  python: "import sys\nprint('no newline', end='')\nsys.exit(3)\n",
  node: "process.stdout.write('no newline');\nprocess.exit(3);\n",
  bash: "printf 'no newline'\nexit 3\n",
};

test.concurrent.for(LANGUAGES)(
  "%s: the container ends with the script's code, output flushed",
  async (runtime, { expect }) => {
    const { job, ...ended } = await runJob(runtime, EXIT_3[runtime]);
    expect(ended).toEqual({ code: 3, stdout: "no newline", stderr: "" });
    // Bash becomes the script, so nobody is left to report; Docker tells the runner.
    expect(job.exits).toEqual(runtime === "bash" ? [] : [3]);
  },
);

test("python: an uncaught exception ends with 1 and a traceback of the script alone", async ({ expect }) => {
  const { job, ...ended } = await runJob("python", "def f():\n    raise ValueError('größer')\n\nf()\n");
  expect(ended).toEqual({
    code: 1,
    stdout: "",
    stderr: [
      "Traceback (most recent call last):",
      '  File "/workspace/main.py", line 4, in <module>',
      "    f()",
      "    ~^^",
      '  File "/workspace/main.py", line 2, in f',
      "    raise ValueError('größer')",
      "ValueError: größer\n",
    ].join("\n"),
  });
  expect(job.exits).toEqual([1]);
});

test("python: a syntax error names file and line and nothing of the bootstrap", async ({ expect }) => {
  const { stderr, code } = await runJob("python", "print('a')\nif True\n    pass\n");
  expect(code).toBe(1);
  expect(stderr).toContain('File "/workspace/main.py", line 2');
  expect(stderr).not.toContain("/cronium/");
});

test("python: the script is __main__, threads and atexit finish before the exit is reported", async ({ expect }) => {
  const script = `
import atexit, multiprocessing, os, sys, threading, time

def work(n):
    return n * n

if __name__ == "__main__":
    print(sys.argv, os.getcwd(), __file__, sys.stdin.read() == "")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(work, [3]))
    atexit.register(print, "at exit")
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
`;
  const { job, ...ended } = await runJob("python", script);
  const stdout = "['/workspace/main.py'] /workspace /workspace/main.py True\n[9]\nthread\nat exit\n";
  expect(ended).toEqual({ code: 0, stdout, stderr: "" });
  expect(job.exits).toEqual([0]);
});

test("node: an unhandled rejection ends with 1 and the stack of the script", async ({ expect }) => {
  const { job, ...ended } = await runJob("node", "type T = string;\nvoid Promise.reject(new Error('größer' as T));\n");
  expect(ended).toMatchObject({ code: 1, stdout: "" });
  expect(ended.stderr).toContain("Error: größer");
  expect(ended.stderr).toContain("/workspace/main.ts:2:");
  expect(job.exits).toEqual([1]);
});

test("node: CommonJS scripts require the SDK and are the main module", async ({ expect }) => {
  const script =
    "const { input } = require('@cronium/sdk');\ninput().then((v) => console.log(v, require.main === module));\n";
  const { job, ...ended } = await runJob("node", script, { input: 5 });
  expect(ended).toEqual({ code: 0, stdout: "5 true\n", stderr: "" });
  expect(job.exits).toEqual([0]);
});

test("node: module scripts are the main module and see no stdin", async ({ expect }) => {
  const script =
    "import { text } from 'node:stream/consumers';\n" +
    "const stdin: string = await text(process.stdin);\n" +
    "console.log(import.meta.main, process.argv.slice(1), process.cwd(), JSON.stringify(stdin));\n";
  const { job, ...ended } = await runJob("node", script);
  expect(ended).toEqual({ code: 0, stdout: "true [ '/workspace/main.ts' ] /workspace \"\"\n", stderr: "" });
  expect(job.exits).toEqual([0]);
});

test("bash: functions are there in child bashes, values arrive byte for byte, stdin is empty", async ({ expect }) => {
  const value = 'it\'s "quoted" $HOME `id` \\ \n\n second line\t🫖 ';
  const script = 'bash -c cronium_input\nprintf "[%s]" "$VALUE"\nread -r line || echo "stdin:$line"\nprintf "%s" "$0"';
  const { job, ...ended } = await runJob("bash", script, { input: value, env: { VALUE: value } });
  const stdout = `${JSON.stringify(value)}\n[${value}]stdin:\n/workspace/main.sh`;
  expect(ended).toEqual({ code: 0, stdout, stderr: "" });
  expect(job.outputs).toEqual([]);
});

test("bash: without curl the functions speak through socat", async ({ expect }) => {
  const script = [
    "mkdir /workspace/bin",
    'for program in bash cat date sleep socat; do ln -s "/usr/bin/$program" /workspace/bin; done',
    "PATH=/workspace/bin",
    "command -v curl && exit 9",
    'value=$(cronium_input) && cronium_output "$value" && printf "%s\\n" "$value"',
    "cronium_output '{' || echo \"failed with $?\"",
    'CRONIUM_TOKEN=forged cronium_input || echo "failed with $?"',
  ].join("\n");
  const value = { text: "é 🫖\n", long: "tea ".repeat(40_000) };
  const { job, ...ended } = await runJob("bash", script, { input: value });
  expect(ended.stdout).toBe(`${JSON.stringify(value)}\nfailed with 1\nfailed with 1\n`);
  expect(ended.stderr).toMatch(/^cronium: .*\(invalid_json\)\ncronium: .*\(invalid_token\)\n$/u);
  expect(job.outputs).toEqual([value]);
});

test.concurrent.for([
  ["python", "import sys; print('/data/lib' in sys.path)", { PYTHONPATH: "/data/lib" }, "True\n"],
  ["python", "import time; print(time.tzname[0])", { TZ: "Asia/Tokyo" }, "JST\n"],
  [
    "node",
    "console.log(process.env.NODE_PATH, require('node:module').globalPaths.includes('/data/lib'))",
    { NODE_PATH: "/data/lib" },
    "/data/lib true\n",
  ],
  ["node", "console.log(new Date(0).getHours())", { TZ: "Asia/Tokyo" }, "9\n"],
  ["bash", "date -d @0 +%H", { TZ: "Asia/Tokyo" }, "09\n"],
] as const)(
  "%s: variables that an interpreter reads at its start take effect: %s",
  async ([runtime, script, env, stdout], { expect }) => {
    const { job, ...ended } = await runJob(runtime, script, { env });
    expect(ended).toEqual({ code: 0, stdout, stderr: "" });
    expect(job.outputs).toEqual([]);
  },
);

const FIND_TOKEN: Record<Runtime, string> = {
  python: `
import os, pathlib
token = os.environ["CRONIUM_TOKEN"].encode()
roots = ["/workspace", "/tmp", "/dev/shm"]
files = [path for root in roots for path in pathlib.Path(root).rglob("*") if path.is_file()]
print(len(files) > 0, [str(path) for path in files if token in path.read_bytes()])
`,
  node: `
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
const files = ["/workspace", "/tmp", "/dev/shm"].flatMap((root) =>
  readdirSync(root, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name)));
const holds = files.filter((file) => readFileSync(file).includes(process.env.CRONIUM_TOKEN!));
console.log(files.length > 0 ? "True" : "False", JSON.stringify(holds));
`,
  bash: `
ls /workspace/main.sh >/dev/null && printf 'True '
found=$(grep -rlF "$CRONIUM_TOKEN" /workspace /tmp /dev/shm)
echo "[$found]"
`,
};

test.concurrent.for(LANGUAGES)(
  "%s: the token is in no file of the places that can be written",
  async (runtime, { expect }) => {
    const { job, ...ended } = await runJob(runtime, FIND_TOKEN[runtime]);
    expect(ended).toEqual({ code: 0, stdout: "True []\n", stderr: "" });
    expect(job.outputs).toEqual([]);
  },
);

const SLEEPER: Record<Runtime, string> = {
  python: "import time\nprint('ready')\ntime.sleep(600)\n",
  node: "console.log('ready');\nsetTimeout(() => {}, 600_000);\n",
  bash: "echo ready\nsleep 600 & wait\n",
};

test.concurrent.for(LANGUAGES)("%s: SIGTERM ends a script that does not handle it", async (runtime, { expect }) => {
  const job = await sidecar.bind({ runtime, script: SLEEPER[runtime], input: null });
  const container = startContainer(images[runtime], job);
  await hasPrinted(container, "ready");
  await run("docker", ["stop", "--time", "30", container.name]);
  expect(await container.ended).toMatchObject({ code: 143, stdout: "ready\n" });
  await sidecar.close(job);
});

const HANDLER: Record<Runtime, string> = {
  python:
    "import signal, sys, time\ndef stop(*_):\n    print('bye')\n    sys.exit(0)\n" +
    "signal.signal(signal.SIGTERM, stop)\nprint('ready')\ntime.sleep(600)\n",
  node:
    "process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });\n" +
    "console.log('ready');\nsetTimeout(() => {}, 600_000);\n",
  bash: "trap 'echo bye; exit 0' TERM\necho ready\nsleep 600 & wait\n",
};

test.concurrent.for(LANGUAGES)("%s: a script that handles SIGTERM ends as it wants", async (runtime, { expect }) => {
  const job = await sidecar.bind({ runtime, script: HANDLER[runtime], input: null });
  const container = startContainer(images[runtime], job);
  await hasPrinted(container, "ready");
  await run("docker", ["stop", "--time", "30", container.name]);
  expect(await container.ended).toEqual({ code: 0, stdout: "ready\nbye\n", stderr: "" });
  await sidecar.close(job);
});
