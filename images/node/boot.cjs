// First process of a Node job: waits for its script on the runtime socket, then becomes it.
//
// The script is run as Node's own entry point, so ES modules with top-level await, TypeScript syntax, CommonJS,
// `import.meta.main` and `require.main` all behave as in `node main.ts`. In a slot that waits, the SDK and the remover
// of types are loaded meanwhile; where the job is there at once, nothing is loaded in advance.
"use strict";
const { spawn } = require("node:child_process");
const { chmodSync, readdirSync, rmSync, writeFileSync, writeSync } = require("node:fs");
const http = require("node:http");
const nodeModule = require("node:module");

const MAIN = "/workspace/main.ts";
const API = process.env.CRONIUM_API || "unix:///run/cronium/api.sock";
const RECONNECT_MS = 5_000;
// A tunnel to the sidecar is opened after this process has started, which may take a busy engine longer.
const CONNECT_MS = API.startsWith("unix://") ? RECONNECT_MS : 60_000;
// Longer than any cold start takes to answer: a slot that waits this long is a warm one.
const COLD_MS = 50;
const NO_JOB = 125;
// Node reads these only at its start, so a job that sets one gets a fresh process.
const READ_AT_START =
  /^(?:NODE_(?:PATH|DEBUG|EXTRA_CA_CERTS|ICU_DATA|NO_WARNINGS|USE_ENV_PROXY|V8_COVERAGE)|LC_.*|LANG)$/;

const address = API.startsWith("unix://")
  ? { socketPath: API.slice("unix://".length) }
  : { host: new URL(API).hostname, port: new URL(API).port };
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let connection;

function askForJob(path) {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...address, agent, path }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() });
      });
    });
    request.on("socket", (socket) => (connection = socket));
    request.on("error", reject);
  });
}

async function fetchJob(path = "/v1/job", codeWhenGone = NO_JOB) {
  let giveUpAt = performance.now() + (codeWhenGone === NO_JOB ? CONNECT_MS : RECONNECT_MS);
  let wasWaiting = codeWhenGone !== NO_JOB;
  const warm = setTimeout(() => import("/cronium/warm.ts"), COLD_MS);
  for (;;) {
    const begin = performance.now();
    try {
      const answer = await askForJob(path);
      clearTimeout(warm);
      if (answer.status === 200) {
        return JSON.parse(answer.text);
      }
      endUnused(NO_JOB, `answered ${answer.status}: ${answer.text.slice(0, 500)}`);
    } catch (error) {
      const now = performance.now();
      if (now - begin > COLD_MS) {
        giveUpAt = now + RECONNECT_MS;
        wasWaiting = true;
      } else if (now > giveUpAt) {
        endUnused(codeWhenGone, wasWaiting ? undefined : error.message);
      }
      await new Promise((resolve) => setTimeout(resolve, COLD_MS));
    }
  }
}

/** Nobody reads the log of a slot that was waiting, so it says nothing. */
function endUnused(code, reason) {
  if (reason !== undefined) {
    process.stderr.write(`cronium: no job: ${API}: ${reason}\n`);
  }
  process.exit(code);
}

/**
 * The connection that brought the job is still open for some seconds, and a write to it goes out at once even while
 * the process exits. After that Docker tells the runner, about 35 ms later.
 */
function reportAtExit() {
  process.on("exit", (code) => {
    if (connection?.writable) {
      const body = `{"code":${code & 0xff}}`;
      const head = "POST /v1/job/exit HTTP/1.1\r\nHost: cronium\r\nContent-Type: application/json\r\n";
      connection.write(`${head}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
    }
  });
}

/** For a job that may reach some hosts. A process of its own: it outlives an exec of this one, and a busy script. */
function openWayOut(proxy) {
  return new Promise((resolve, reject) => {
    const args = ["/cronium/forward.cjs", "3128", proxy.slice("unix://".length)];
    // Without the job's own settings for Node.
    const child = spawn(process.execPath, args, { env: {}, stdio: ["ignore", "pipe", "ignore"] });
    child.stdout.once("data", () => {
      child.stdout.destroy();
      child.unref();
      resolve();
    });
    child.once("error", reject);
  });
}

/** Runs one job after another, each in a process of its own, for as long as they end with 0. */
async function serve(first) {
  let child;
  let stopping = false;
  process.on("SIGTERM", () => {
    stopping = true;
    child?.kill("SIGTERM");
  });
  for (let job = first; ; job = await fetchJob("/v1/job?ended=0", 0)) {
    writeFileSync(MAIN, job.script);
    child = spawn(process.execPath, [MAIN], {
      cwd: "/workspace",
      env: { ...process.env, ...job.env },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const [code, signal] = await new Promise((resolve) => child.once("exit", (...how) => resolve(how)));
    if (code !== 0 || stopping || !(await leaveNothing())) {
      process.exit(code ?? 128 + require("node:os").constants.signals[signal]);
    }
    const mark = `\0cronium ended ${job.reuse}\n`;
    writeSync(1, mark);
    writeSync(2, mark);
  }
}

/** Ends what the job left running and deletes its files; false where something stays. */
async function leaveNothing() {
  try {
    process.kill(-1, "SIGKILL");
  } catch {
    // There is none.
  }
  try {
    chmodSync("/workspace", 0o700);
    for (const folder of ["/tmp", "/workspace", "/dev/shm"]) {
      for (const name of readdirSync(folder)) {
        rmSync(`${folder}/${name}`, { recursive: true, force: true });
      }
    }
  } catch {
    return false;
  }
  const ours = new Set(["1", String(process.pid)]);
  for (const giveUpAt = performance.now() + 1_000; performance.now() < giveUpAt;) {
    if (readdirSync("/proc").every((name) => ours.has(name) || !/^\d+$/.test(name))) {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return false;
}

async function main() {
  const job = await fetchJob();
  if (job.reuse !== undefined) {
    await serve(job);
  }
  const { CRONIUM_PROXY: proxy, ...env } = job.env;
  if (proxy !== undefined) {
    await openWayOut(proxy);
  }
  job.env = env;
  writeFileSync(MAIN, job.script);
  Object.assign(process.env, job.env);
  process.chdir("/workspace");
  if (job.isolated || Object.keys(job.env).some((name) => READ_AT_START.test(name))) {
    process.execve(process.execPath, [process.execPath, MAIN], process.env);
  }
  reportAtExit();
  process.argv[1] = MAIN;
  nodeModule.runMain(MAIN);
}

void main();
