/** `cronium deliveries`: what arrived at endpoints, and what became of it. */
import { DeliveryPage, ReplayedDeliveries } from "@cronium/protocol/api/endpoints";
import { type Delivery, DeliveryDetail } from "@cronium/protocol/endpoint";
import { deliveryVerdicts } from "@cronium/protocol/webhook-tables";
import type { Input } from "../base/input.ts";
import { readPages } from "../api/pages.ts";
import { printFacts } from "../output/table.ts";
import { ago } from "../output/words.ts";
import type { Cli } from "./context.ts";
import { printPart } from "./print-page.ts";
import { findEndpoint } from "./endpoints.ts";
import { segment } from "./runs.ts";

export async function listDeliveries(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const named = input.text("endpoint");
  const endpointId = named === undefined ? undefined : (await findEndpoint(api, named)).id;
  const limit = input.number("limit", 1, 10_000) ?? 50;
  const query = { endpointId, verdict: input.text("verdict") };
  const page = await readPages<Delivery>(api, "/deliveries", DeliveryPage, {
    limit,
    cursor: input.text("cursor"),
    query,
  });
  const now = cli.now();
  printPart(cli, page, ["DELIVERY", "ARRIVED", "VERDICT", "TIMES", "RUN", "WHY"], (one) => [
    one.id,
    ago(one.at, now),
    one.verdict,
    String(one.count),
    one.runs.find(({ runId }) => runId !== null)?.runId ?? "-",
    one.message ?? "",
  ]);
}

export async function showDelivery(cli: Cli, input: Input): Promise<void> {
  const api = await cli.connect();
  const delivery = await api.json("GET", `/deliveries/${segment(input.arg(0))}`, DeliveryDetail);
  if (input.flag("body")) {
    cli.out.write(delivery.body ?? Buffer.from(delivery.bodyBase64 ?? "", "base64").toString("latin1"));
    return;
  }
  if (cli.out.json) {
    cli.out.value(delivery);
    return;
  }
  printFacts(cli.out, [
    ["delivery", delivery.id],
    ["endpoint", delivery.endpointId],
    ["arrived", delivery.at],
    ["verdict", `${delivery.verdict}: ${delivery.message ?? deliveryVerdicts[delivery.verdict]}`],
    ["times", String(delivery.count)],
    ["body", `${delivery.sizeBytes} bytes, ${delivery.contentType || "no type"}`],
    ["runs", delivery.runs.map(({ runId, verdict }) => runId ?? verdict).join(", ") || "none"],
  ]);
}

/** Each makes new runs. The exit code is 1 when one could not be replayed. */
export async function replayDeliveries(cli: Cli, input: Input): Promise<number> {
  const api = await cli.connect();
  const body = { ids: [input.arg(0), ...input.list("also")] };
  const { items } = await api.json("POST", "/deliveries/replay", ReplayedDeliveries, { body });
  if (cli.out.json) {
    cli.out.value({ items });
  } else {
    for (const { id, answer, error } of items) {
      cli.out.line(`${id}\t${answer?.runId ?? answer?.verdict ?? error?.code ?? ""}`);
    }
  }
  return items.some(({ error }) => error !== null) ? 1 : 0;
}
