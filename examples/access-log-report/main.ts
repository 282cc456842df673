/**
 * Summarises a web server's access log in the combined format, with or without nginx's $request_time at the end.
 *
 * Input:  {"file": path, "top": length of the lists, default 5}
 * Output: the report as JSON; the log shows it for people.
 */
import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { input, output } from "@cronium/sdk";

interface Hit {
  client: string;
  hour: string;
  path: string;
  status: number;
  bytes: number;
  seconds: number | undefined;
}

interface Hour {
  requests: number;
  timed: number;
  seconds: number;
}

// A quoted part may hold escaped quotes: clients send anything in a user agent.
const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
const LINE = new RegExp(
  String.raw`^(\S+) \S+ .+? \[(\d{2})/(\w{3})/(\d{4}):(\d{2}):\d{2}:\d{2} [+-]\d{4}\] ${QUOTED} (\d{3}) (\d+|-)` +
    String.raw`(?: ${QUOTED} ${QUOTED})?(?: (\d+\.\d+))?\s*$`,
);
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function parse(line: string): Hit | undefined {
  const match = LINE.exec(line);
  if (match === null) {
    return undefined;
  }
  const [, client = "", day = "", month = "", year = "", hour = "", request = "", status, bytes] = match;
  const seconds = match[11];
  const target = request.split(" ")[1];
  return {
    client,
    hour: `${year}-${String(MONTHS.indexOf(month) + 1).padStart(2, "0")}-${day} ${hour}:00`,
    // Without the query, which would make every search a path of its own; garbage is counted as such.
    path: target === undefined ? "(not HTTP)" : (target.split("?")[0] ?? target),
    status: Number(status),
    bytes: bytes === "-" ? 0 : Number(bytes),
    // A connection that never sent a request says nothing about how fast the server is.
    seconds: seconds === undefined || target === undefined ? undefined : Number(seconds),
  };
}

const count = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const highest = (counts: Map<string, number>, length: number) =>
  [...counts]
    .toSorted(([a, x], [b, y]) => y - x || a.localeCompare(b))
    .slice(0, length)
    .map(([name, requests]) => ({ name, requests }));

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

const settings = await input<{ file?: string; top?: number } | null>();
const file = settings?.file;
const top = settings?.top ?? 5;
if (typeof file !== "string" || !Number.isInteger(top) || top < 1) {
  throw new TypeError(`The input must look like {"file": path, "top": 5}, not ${JSON.stringify(settings)}`);
}
if (!existsSync(file)) {
  throw new Error(`${file} does not exist. Is the folder it lies in mounted?`);
}

const statuses = new Map<string, number>();
const paths = new Map<string, number>();
const clients = new Map<string, number>();
const hours = new Map<string, Hour>();
let requests = 0;
let unreadable = 0;
let bytes = 0;
for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
  if (line.trim() === "") {
    continue;
  }
  const hit = parse(line);
  if (hit === undefined) {
    unreadable += 1;
    continue;
  }
  requests += 1;
  bytes += hit.bytes;
  count(statuses, `${Math.floor(hit.status / 100)}xx`);
  count(paths, hit.path);
  count(clients, hit.client);
  const hour = hours.get(hit.hour) ?? { requests: 0, timed: 0, seconds: 0 };
  hour.requests += 1;
  if (hit.seconds !== undefined) {
    hour.timed += 1;
    hour.seconds += hit.seconds;
  }
  hours.set(hit.hour, hour);
}
if (requests === 0) {
  throw new Error(`${file} holds no line in the combined log format (${unreadable} lines of another kind)`);
}

const byHour = [...hours].map(([hour, sum]) => ({
  hour,
  requests: sum.requests,
  meanMs: sum.timed === 0 ? null : round((sum.seconds / sum.timed) * 1000, 1),
}));
const [slowest] = byHour.filter(({ meanMs }) => meanMs !== null).toSorted((a, b) => (b.meanMs ?? 0) - (a.meanMs ?? 0));
const [busiest] = byHour.toSorted((a, b) => b.requests - a.requests);
const report = {
  requests,
  unreadableLines: unreadable,
  bytes,
  errorRate: round((statuses.get("5xx") ?? 0) / requests, 4),
  statuses: Object.fromEntries([...statuses].toSorted(([a], [b]) => a.localeCompare(b))),
  topPaths: highest(paths, top),
  topClients: highest(clients, top),
  busiestHour: busiest ?? null,
  slowestHour: slowest ?? null,
};

const table = (title: string, rows: readonly { name: string; requests: number }[]): void => {
  console.log(`\n${title}`);
  for (const row of rows) {
    console.log(`  ${String(row.requests).padStart(7)}  ${row.name}`);
  }
};
console.log(`${requests} requests, ${(bytes / 1e6).toFixed(1)} MB, ${unreadable} lines that are no requests`);
console.log(`Server errors: ${(report.errorRate * 100).toFixed(2)} %`);
table(
  "Status",
  Object.entries(report.statuses).map(([name, number]) => ({ name, requests: number })),
);
table("Paths", report.topPaths);
table("Clients", report.topClients);
if (busiest !== undefined) {
  console.log(`\nBusiest hour  ${busiest.hour}  ${busiest.requests} requests`);
}
if (slowest !== undefined) {
  console.log(`Slowest hour  ${slowest.hour}  ${slowest.meanMs} ms on average`);
}
await output(report);
