/** `cronium api`, `cronium open`: what no other command does. */
import { isId } from "@cronium/protocol/ids";
import { refusal } from "../api/problem.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { openInBrowser } from "./browser.ts";
import type { Cli } from "./context.ts";
import { parseJson, readText } from "./json-input.ts";

const METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"];

/** One request with the key of the profile; the body of the answer as it comes. */
export async function callApi(cli: Cli, input: Input): Promise<void> {
  const method = input.arg(0).toUpperCase();
  if (!METHODS.includes(method)) {
    throw new ExitError("usage", `${JSON.stringify(input.arg(0))} is not a method.`, `Use ${METHODS.join(", ")}.`);
  }
  const path = apiPath(input.arg(1));
  const file = input.text("data-file");
  const text = input.text("data") ?? (file === undefined ? undefined : readText(file));
  if (text !== undefined) {
    parseJson(text, file ?? "--data");
  }
  const idempotencyKey = input.text("idempotency-key");
  const api = await cli.connect();
  const response = await api.raw(method, path, {
    body: text,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
  const body = Buffer.from(await response.arrayBuffer());
  if (input.flag("include")) {
    cli.out.say(`HTTP ${response.status}`);
    for (const [name, value] of response.headers) {
      cli.out.say(`${name}: ${value}`);
    }
  }
  cli.out.write(body);
  if (body.length > 0 && cli.out.terminal && body.at(-1) !== 0x0a) {
    cli.out.line("");
  }
  if (!response.ok) {
    throw refusal(response.status, body.toString("utf8"), api.url);
  }
}

/** Below /api/v1 of the same control plane, whatever is typed. */
function apiPath(text: string): string {
  const path = text.replace(/^\/?api\/v1(?=\/|$)/, "");
  const rooted = path.startsWith("/") ? path : `/${path}`;
  const url = URL.parse(rooted, "http://plane/");
  if (/^[a-z]+:/i.test(text) || url === null || url.host !== "plane" || url.pathname.includes("//")) {
    throw new ExitError(
      "usage",
      `${JSON.stringify(text.slice(0, 80))} is not a path of the API.`,
      "Give it as /runs or /api/v1/runs?state=failed.",
    );
  }
  return url.pathname + url.search;
}

const PAGES = ["runs", "events", "runners", "device"];

export async function openPage(cli: Cli, input: Input): Promise<void> {
  const { url } = await cli.access();
  const address = url + pageOf(input.maybeArg(0));
  if (cli.out.json) {
    cli.out.value({ url: address });
  } else {
    cli.out.line(address);
  }
  if (!input.flag("print") && process.stdout.isTTY) {
    openInBrowser(address);
  }
}

function pageOf(what: string | undefined): string {
  if (what === undefined) {
    return "/";
  }
  if (isId("run", what)) {
    return `/runs/${what}`;
  }
  if (isId("event", what)) {
    return `/events/${what}`;
  }
  if (PAGES.includes(what)) {
    return `/${what}`;
  }
  throw new ExitError(
    "usage",
    `There is no page ${JSON.stringify(what)}.`,
    `Give the id of a run or event, or one of ${PAGES.join(", ")}.`,
  );
}
