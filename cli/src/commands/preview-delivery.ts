/** `cronium deliveries preview`: what a filter and a mapping would make of a request. */
import { PreviewedDelivery } from "@cronium/protocol/api/endpoints";
import type { EndpointTarget } from "@cronium/protocol/endpoint";
import { deliveryVerdicts } from "@cronium/protocol/webhook-tables";
import type { Api } from "../api/client.ts";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import type { Cli } from "./context.ts";
import { findEndpoint } from "./endpoints.ts";
import { eventId } from "./event-ref.ts";
import { readText } from "./json-input.ts";

/** The exit code is 1 where the request would be refused, not where the filter stops it. */
export async function previewDelivery(cli: Cli, input: Input): Promise<number> {
  const api = await cli.connect();
  const sample = sampleOf(input);
  const target = await targetOf(api, input);
  const outcome = await api.json("POST", "/deliveries/preview", PreviewedDelivery, { body: { ...target, sample } });
  const { verdict, message } = outcome;
  if (cli.out.json) {
    cli.out.value(outcome);
  } else {
    cli.out.line(
      `${verdict}\t${message ?? (verdict === "accepted" ? "It would start a run." : deliveryVerdicts[verdict])}`,
    );
    if (verdict === "accepted") {
      cli.out.line(JSON.stringify(outcome.input, null, 2));
    }
  }
  return verdict === "accepted" || verdict === "filtered" ? 0 : 1;
}

function sampleOf(input: Input): Readonly<Record<string, unknown>> {
  const [deliveryId, file, headers] = [input.text("delivery"), input.text("body"), input.text("headers")];
  const contentType = input.text("content-type");
  const query = input.pairs("query");
  const hasRequest = headers !== undefined || contentType !== undefined || Object.keys(query).length > 0;
  if (deliveryId !== undefined) {
    if (file !== undefined || hasRequest) {
      throw new ExitError(
        "usage",
        "--delivery brings its own body, headers and query.",
        "Give --delivery alone, or --body with the rest.",
      );
    }
    return { deliveryId };
  }
  if (file === undefined) {
    throw new ExitError("usage", "There is nothing to try it on.", "Give --body with a file, or --delivery.");
  }
  if (file === "-" && headers === "-") {
    throw new ExitError("usage", "--body and --headers are both stdin.", "Give one of them as a file.");
  }
  return {
    body: readText(file),
    ...(contentType === undefined ? {} : { contentType }),
    headers: headers === undefined ? {} : readHeaders(readText(headers), headers),
    query,
  };
}

/** As requests are written down: `curl -v` and proxies show them so. Lines that are empty do not count. */
function readHeaders(text: string, file: string): Record<string, string> {
  const lines = text.split(/\r?\n/);
  const pairs = lines.flatMap((line, i): (readonly [string, string])[] => {
    if (line.trim() === "") {
      return [];
    }
    const [, name, value] = /^([^:\s]+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new ExitError(
        "usage",
        `Line ${i + 1} of ${file === "-" ? "stdin" : file} is no header: ${JSON.stringify(line.slice(0, 80))}.`,
        "Write each as NAME: VALUE.",
      );
    }
    return [[name, value]];
  });
  return Object.fromEntries(pairs);
}

async function targetOf(api: Api, input: Input): Promise<Readonly<Record<string, unknown>>> {
  const [named, asked] = [input.text("endpoint"), input.text("event")];
  const wanted = asked === undefined ? undefined : await eventId(api, asked);
  const target = named === undefined ? undefined : chosen((await findEndpoint(api, named)).targets, named, wanted);
  const event = wanted ?? target?.eventId;
  return {
    filter: input.text("filter") ?? target?.filter ?? null,
    mapping: input.text("mapping") ?? target?.mapping ?? null,
    ...(event === undefined ? {} : { eventId: event }),
  };
}

function chosen(targets: readonly EndpointTarget[], named: string, wanted: string | undefined): EndpointTarget {
  const fitting = targets.filter((one) => wanted === undefined || one.eventId === wanted);
  const [only] = fitting;
  if (only === undefined || fitting.length > 1) {
    const how =
      only === undefined ? (wanted === undefined ? "no event" : `no event ${wanted}`) : `${fitting.length} events`;
    throw new ExitError(
      "usage",
      `The endpoint ${JSON.stringify(named)} starts ${how}.`,
      only === undefined ? "Give --filter and --mapping without --endpoint." : "Name one of them with --event.",
    );
  }
  return only;
}
